"""One OpenPGP encrypted message, binary or armored, recognised as it passes in pieces of any size."""

from collections.abc import Iterable

from storage.protocol.openpgp.armor import Armor
from storage.protocol.openpgp.packets import Packets
from storage.protocol.openpgp.refusals import NotEncrypted, Reason


class EncryptedMessage:
    """Fed with all bytes in their order, then finished. Only then it was one encrypted message.

    `most` is how many bytes its encrypted data may say to have. Holds a line of armor and a session key.
    """

    def __init__(self, most: int) -> None:
        self._packets = Packets(most)
        self._armor: Armor | None = None
        self._begun = False
        self._refused: Reason | None = None

    def feed(self, data: bytes) -> None:
        """Take what comes next. Raises NotEncrypted, and again for all that comes later."""
        if self._refused is not None:
            raise NotEncrypted(self._refused)
        if not data:
            return
        if not self._begun:
            self._begun = True
            # The first bit of every packet is set, and no armor has such a byte.
            self._armor = None if data[0] & 0x80 else Armor()
        try:
            self._pass_on((data,) if self._armor is None else self._armor.feed(data))
        except NotEncrypted as refused:
            self._refused = refused.reason
            raise

    def finish(self) -> None:
        """Say that nothing more comes. Raises NotEncrypted."""
        if self._refused is not None:
            raise NotEncrypted(self._refused)
        if not self._begun:
            raise NotEncrypted(Reason.EMPTY)
        if self._armor is not None:
            self._pass_on(self._armor.finish())
        self._packets.finish()

    def _pass_on(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            if self._packets.empty and piece.startswith(b"-"):
                raise NotEncrypted(Reason.ARMOR_IN_ARMOR)
            self._packets.feed(piece)

"""The packets of an encrypted message, in their order (RFC 9580 §4.2, §10.3).

    session key, session key, … encrypted data

Session keys are PKESK or SKESK packets; the data is a SEIPD packet, or the AEAD packet (tag 20) that GnuPG
writes. Marker packets may stand anywhere: §5.8 has receivers pass over them, and their three bytes are always
the same, so they hide nothing. Padding packets (§5.14) may not: outside of the encryption their bytes could
be anything.
"""

from collections.abc import Generator
from typing import Final, NamedTuple

from storage.protocol.openpgp import session_keys
from storage.protocol.openpgp.refusals import NotEncrypted, Reason

PKESK, SIGNATURE, SKESK, ONE_PASS, SECRET_KEY, PUBLIC_KEY, SECRET_SUBKEY = 1, 2, 3, 4, 5, 6, 7
COMPRESSED, SED, MARKER, LITERAL, PUBLIC_SUBKEY, SEIPD, AEAD = 8, 9, 10, 11, 14, 18, 20

# A PKESK to the longest RSA key that GnuPG makes has 1 KiB.
MAX_SESSION_KEY_BYTES: Final = 8 * 1024
MAX_PACKETS: Final = 1024
# §4.2.1.4: no shorter first part, so that all that is looked at is in it.
MIN_FIRST_PART_BYTES: Final = 512
# Later ones may be of a byte. Nobody writes many of those, and each costs as much as a long one.
MAX_SMALL_PARTS: Final = 1024

_MARKER_BODY: Final = b"PGP"
_WHY_NOT: Final = {
    SIGNATURE: Reason.SIGNED,
    ONE_PASS: Reason.SIGNED,
    SECRET_KEY: Reason.KEY,
    PUBLIC_KEY: Reason.KEY,
    SECRET_SUBKEY: Reason.KEY,
    PUBLIC_SUBKEY: Reason.KEY,
    COMPRESSED: Reason.COMPRESSED,
    SED: Reason.NO_INTEGRITY,
    LITERAL: Reason.LITERAL,
}


class _Want(NamedTuple):
    """What the rules want next: so many bytes, to see or to pass over; or the end, where that may be."""

    size: int
    seen: bool = True
    or_end: bool = False


class _Length(NamedTuple):
    size: int
    partial: bool


_Rules = Generator[_Want, bytes, None]


class Packets:
    """The rules, fed with bytes."""

    def __init__(self, most: int) -> None:
        self._rules = _message(most)
        self._want = next(self._rules)
        self._held = bytearray()
        # Of bytes that are passed over.
        self._left = 0
        self.empty = True

    def feed(self, data: bytes) -> None:
        """Raises NotEncrypted."""
        position = 0
        while position < len(data):
            self.empty = False
            if self._left:
                passed = min(self._left, len(data) - position)
                self._left -= passed
                position += passed
                if not self._left:
                    self._go_on(b"")
                continue
            piece = data[position : position + self._want.size - len(self._held)]
            self._held += piece
            position += len(piece)
            if len(self._held) == self._want.size:
                held = bytes(self._held)
                self._held.clear()
                self._go_on(held)

    def finish(self) -> None:
        """Raises NotEncrypted."""
        if self.empty:
            raise NotEncrypted(Reason.EMPTY)
        if not self._want.or_end:
            raise NotEncrypted(Reason.TRUNCATED)

    def _go_on(self, found: bytes) -> None:
        self._want = self._rules.send(found)
        while not self._want.seen:
            self._left = self._want.size
            if self._left:
                return
            self._want = self._rules.send(b"")


def _message(most: int) -> _Rules:
    """The order of packets. Ends only by an exception: the end of the bytes is `or_end`'s."""
    kinds: set[str] = set()
    complete = False
    first = True
    for _ in range(MAX_PACKETS):
        [head] = yield _Want(1, or_end=complete)
        if not head & 0x80:
            raise NotEncrypted(Reason.NOT_OPENPGP if first else _stray(complete))
        tag = head & 0x3F if head & 0x40 else head >> 2 & 0x0F
        if complete and tag != MARKER:
            raise NotEncrypted(Reason.AFTER_END)
        length = yield from _length(head)
        if tag in (PKESK, SKESK, MARKER):
            body = yield from _small(length)
            if tag == MARKER:
                if body != _MARKER_BODY:
                    raise NotEncrypted(Reason.UNEXPECTED)
            else:
                kinds.add(session_keys.pkesk(body) if tag == PKESK else session_keys.skesk(body))
        elif tag in (SEIPD, AEAD):
            if not kinds:
                raise NotEncrypted(Reason.NO_SESSION_KEY)
            yield from _data(tag, length, kinds, most)
            complete = True
        else:
            raise NotEncrypted(_WHY_NOT.get(tag, Reason.UNEXPECTED))
        first = False
    yield _Want(1, or_end=complete)
    raise NotEncrypted(Reason.TOO_MANY)


def _stray(complete: bool) -> Reason:
    return Reason.AFTER_END if complete else Reason.UNEXPECTED


def _length(head: int) -> Generator[_Want, bytes, _Length]:
    """What a packet's head says of its length (§4.2)."""
    if head & 0x40:
        return (yield from _new_length())
    if head & 3 == 3:
        # Up to the end of the file: only packets that are refused anyway are written so.
        raise NotEncrypted(_WHY_NOT.get(head >> 2 & 0x0F, Reason.BAD_LENGTH))
    return _Length(int.from_bytes((yield _Want(1 << (head & 3)))), partial=False)


def _new_length() -> Generator[_Want, bytes, _Length]:
    [octet] = yield _Want(1)
    if octet < 192:
        return _Length(octet, partial=False)
    if octet < 224:
        [second] = yield _Want(1)
        return _Length((octet - 192 << 8) + second + 192, partial=False)
    if octet < 255:
        return _Length(1 << (octet & 0x1F), partial=True)
    return _Length(int.from_bytes((yield _Want(4))), partial=False)


def _small(length: _Length) -> Generator[_Want, bytes, bytes]:
    """A body that is looked at as a whole."""
    if length.partial:
        raise NotEncrypted(Reason.BAD_LENGTH)
    if length.size > MAX_SESSION_KEY_BYTES:
        raise NotEncrypted(Reason.TOO_LONG)
    if length.size == 0:
        return b""
    return (yield _Want(length.size))


def _data(tag: int, length: _Length, kinds: set[str], most: int) -> _Rules:
    """The encrypted data: its beginning is looked at, the rest is passed over and counted."""
    if length.partial and length.size < MIN_FIRST_PART_BYTES:
        raise NotEncrypted(Reason.BAD_LENGTH)
    if length.size < session_keys.DATA_HEAD_BYTES:
        raise NotEncrypted(Reason.BAD_DATA)
    if length.size > most:
        raise NotEncrypted(Reason.TOO_LONG)
    head = yield _Want(session_keys.DATA_HEAD_BYTES)
    least, takes = session_keys.data(head) if tag == SEIPD else session_keys.aead_data(head)
    if length.size < least:
        raise NotEncrypted(Reason.BAD_DATA)
    if not kinds <= takes:
        raise NotEncrypted(Reason.MIXED)
    yield _Want(length.size - len(head), seen=False)
    total = length.size
    small = 0
    while length.partial:
        length = yield from _new_length()
        total += length.size
        small += length.size < MIN_FIRST_PART_BYTES
        if total > most:
            raise NotEncrypted(Reason.TOO_LONG)
        if small > MAX_SMALL_PARTS:
            raise NotEncrypted(Reason.BAD_LENGTH)
        yield _Want(length.size, seen=False)

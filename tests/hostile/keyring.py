"""The examination of delivered keys without GnuPG, for keys that were made in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pysequoia

from client.protocol.reasons import Reason, Refused
from tests.openpgp import OpenPGPKey, make_key


@dataclass(frozen=True)
class Examined:
    """`client.protocol.openpgp.ExaminedKey`. `whole`: every secret is the one it was made with."""

    cert: pysequoia.Cert
    whole: bool

    @property
    def fingerprint(self) -> str:
        return self.cert.fingerprint.upper()

    def verifies(self, text: bytes, signature: str, *, alone: bool = True) -> bool:
        try:
            parsed = pysequoia.Sig.from_bytes(signature.encode())
            return (
                len(pysequoia.verify(text, store=lambda ids: [self.cert], signature=parsed).valid_sigs) == 1
            )
        except Exception:  # pysequoia raises bare exceptions for signatures that do not hold
            return False

    def every_secret_key_works(self) -> bool:
        return self.whole


class Keyring:
    """Makes keys and remembers their secrets. `client.protocol.openpgp.OpenPGP`."""

    def __init__(self) -> None:
        self._made: set[str] = set()

    def make(self, user_id: str) -> OpenPGPKey:
        """A new key."""
        key = make_key(user_id)
        self._made.add(key.secret)
        return key

    @contextmanager
    def examine(self, private_key: str) -> Iterator[Examined]:
        try:
            cert = pysequoia.Cert.from_bytes(private_key.encode())
        except Exception as fault:
            raise Refused(Reason.BAD_KEY, "no key") from fault
        yield Examined(cert, private_key in self._made)

"""Taking keys from elsewhere apart, in GnuPG homes that are thrown away."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from client.faults import GnupgFault, KeyFault
from client.gnupg import MAX_SIGNATURE, Home, KeyPart, Signature, throwaway_home
from client.protocol.reasons import Reason, Refused

_SIGNATURE_BLOCKS = re.compile(r"-----BEGIN PGP SIGNATURE-----.*?-----END PGP SIGNATURE-----", re.DOTALL)
# RFC 4880 §9.4: SHA-256, -384, -512; RFC 9580 adds SHA3-256 and -512.
_STRONG_HASHES = frozenset({"8", "9", "10", "12", "14"})
_PROBE = b"hvx account key probe"


class Examined:
    """A key in a home that is thrown away: `client.protocol.openpgp.ExaminedKey`."""

    def __init__(self, home: Home, fingerprint: str) -> None:
        self.home = home
        self._fingerprint = fingerprint

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def verifies(self, text: bytes, signature: str, *, alone: bool = True) -> bool:
        blocks = [signature] if alone else _SIGNATURE_BLOCKS.findall(signature[:MAX_SIGNATURE])
        found = [one for block in blocks for one in self.home.signatures(text, block)]
        if alone and len(found) != 1:
            return False
        return any(_is_good(one, self._fingerprint) for one in found)

    def every_secret_key_works(self) -> bool:
        parts = self.home.secret_parts(self._fingerprint)
        if not parts or not {"c", "s"} <= set(parts[0].usage):
            return False
        if not any("e" in part.usage for part in parts):
            return False
        return all(self._works(part) for part in parts)

    def _works(self, part: KeyPart) -> bool:
        # A part that can neither sign nor decrypt cannot be tried, and what was not tried is not taken.
        if part.secret != "+" or not {"s", "e"} & set(part.usage):
            return False
        try:
            signs = "s" not in part.usage or self._signs(part)
            return signs and ("e" not in part.usage or self._opens(part))
        except (GnupgFault, KeyFault):
            return False

    def _signs(self, part: KeyPart) -> bool:
        made = self.home.signatures(_PROBE, self.home.sign(part.fingerprint, _PROBE))
        return [(one.status, one.fingerprint) for one in made] == [("GOODSIG", part.fingerprint)]

    def _opens(self, part: KeyPart) -> bool:
        return self.home.decrypt(self.home.encrypt(_PROBE, f"{part.fingerprint}!")) == _PROBE


class Examination:
    """Takes keys apart in throwaway homes: `client.protocol.openpgp.OpenPGP`."""

    @contextmanager
    def examine(self, private_key: str) -> Iterator[Examined]:
        with throwaway_home() as home:
            try:
                fingerprint = home.take_secret(private_key)
            except KeyFault as fault:
                raise Refused(Reason.BAD_KEY, str(fault)) from fault
            yield Examined(home, fingerprint)

    @contextmanager
    def examine_public(self, public_key: str) -> Iterator[Examined]:
        """A public key from elsewhere; `KeyFault` when it is none, or more than that."""
        with throwaway_home() as home:
            yield Examined(home, home.take_public(public_key))


def _is_good(signature: Signature, primary: str) -> bool:
    return (
        signature.status == "GOODSIG"
        and signature.fingerprint == signature.primary == primary
        and signature.version == "4"
        and signature.kind == "00"
        and signature.hash in _STRONG_HASHES
    )

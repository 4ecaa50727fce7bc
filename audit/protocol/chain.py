"""How rows hang together, and how a word is made that can be matched and not read.

A row's hash is HMAC-SHA256 under the chain key over every field of it, its chain, its place there and
its predecessor's hash among them. So nobody without the vault's key makes a row, moves one to another
place, or mends the chain behind one that is gone. The head's seal binds a chain to its length, and to
how much of it the last checkpoint took.
"""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from audit.protocol.encoding import lp

KEY_BYTES: Final = 32
FIRST: Final = b""
"""What stands for the predecessor of a chain's first row."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Two keys of 32 bytes: for the chains, and for the words that are only matched."""

    chain: bytes = field(repr=False)
    matching: bytes = field(repr=False)


def keys_from(material: bytes) -> Keys:
    """HKDF-Expand-SHA256 (RFC 5869 §2.3) of 32 random bytes."""

    def derived(purpose: str) -> bytes:
        return HKDFExpand(SHA256(), KEY_BYTES, f"hvx-audit/1 {purpose}".encode()).derive(material)

    return Keys(chain=derived("chain"), matching=derived("matching"))


@dataclass(frozen=True, slots=True)
class Content:
    """What a row says. `details` is JSON text as stored; the three MACs are 32 bytes or empty."""

    at: datetime
    event: str
    details: str
    device_mac: bytes
    network_mac: bytes
    subject_mac: bytes


def row_hash(key: bytes, chain: str, sequence: int, content: Content, previous: bytes) -> bytes:
    """The hash of the row with this content, at this place (from 1), after `previous`."""
    return hmac.digest(
        key,
        lp(
            "hvx-audit/1 row",
            chain,
            str(sequence),
            content.at.astimezone(UTC).isoformat(timespec="microseconds"),
            content.event,
            content.details,
            content.device_mac,
            content.network_mac,
            content.subject_mac,
            previous,
        ),
        "sha256",
    )


def head_seal(
    key: bytes, chain: str, length: int, last: bytes, checkpointed: int, *, doubted: bool = False
) -> bytes:
    """The seal of a chain's head: its length, the hash of its last row, its length at the last checkpoint.

    `doubted`: of a head that follows one which nobody with the key had written, and says so for ever.
    """
    label = "hvx-audit/1 doubted head" if doubted else "hvx-audit/1 head"
    return hmac.digest(key, lp(label, chain, str(length), last, str(checkpointed)), "sha256")


def word_mac(key: bytes, kind: str, text: str) -> bytes:
    """What stands for a word of this kind; empty for no word. Case and outer spaces do not count."""
    word = text.strip().casefold() if kind == "subject" else text
    # Whatever was typed must be taken, lone surrogates too.
    return hmac.digest(key, lp(kind, word.encode("utf-8", "surrogatepass")), "sha256") if word else b""

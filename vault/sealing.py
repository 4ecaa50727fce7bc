"""Sealing what is no row: records in a cache, messages in a queue.

The keys are derived from the root key and die with it, so nothing sealed here is meant
to outlive it; what must, belongs in a SealedField.
"""

from collections.abc import Sequence

from audit.protocol.encoding import lp
from vault.keys import root


def seal_bytes(purpose: str, context: Sequence[str], plaintext: bytes) -> bytes:
    """Return an envelope of `plaintext` that opens for this purpose and context only."""
    return root().envelope_key("seal", purpose).seal(lp(*context), plaintext)


def open_bytes(purpose: str, context: Sequence[str], sealed: bytes) -> bytes:
    """Return what `seal_bytes` was given, or raise CannotOpen."""
    return root().envelope_key("seal", purpose).open(lp(*context), sealed)

"""The keys that sign access tokens, as each worker holds them.

The private key is opened from the vault when a token is to be signed, and held until the keys are
read again. Tokens are checked with public keys alone, so the check never touches the vault.
"""

import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from django.db.models import Q
from django.utils import timezone

from devices.models import TokenKey

KEPT_SECONDS = 5.0
# An app's token may live for a year (PROTOCOL §7), so a retired key is published for as long.
PUBLISHED_AFTER_RETIREMENT = timedelta(days=366)


@dataclass(frozen=True)
class SigningKey:
    kid: str
    private: Ed25519PrivateKey = field(repr=False)


@dataclass(frozen=True)
class _Held:
    read_at: float
    publics: dict[str, Ed25519PublicKey]
    signs: TokenKey | None

    @cached_property
    def signing(self) -> SigningKey | None:
        if self.signs is None or self.signs.private is None:
            return None
        return SigningKey(
            kid=str(self.signs.id), private=Ed25519PrivateKey.from_private_bytes(self.signs.private)
        )


_lock = threading.Lock()
_held: _Held | None = None


def published() -> list[TokenKey]:
    """Every key that a live token may be signed by, newest first."""
    since = timezone.now() - PUBLISHED_AFTER_RETIREMENT
    return list(TokenKey.objects.filter(Q(retired_at=None) | Q(retired_at__gt=since)).order_by("-created_at"))


def _read() -> _Held:
    read_at = time.monotonic()
    rows = published()
    signs = next((row for row in rows if row.retired_at is None), None)
    publics = {str(row.id): Ed25519PublicKey.from_public_bytes(bytes(row.public)) for row in rows}
    return _Held(read_at=read_at, publics=publics, signs=signs)


def _current() -> _Held:
    global _held
    held = _held
    if held is None or time.monotonic() - held.read_at > KEPT_SECONDS:
        held = _read()
        with _lock:
            _held = held
    return held


def forget() -> None:
    """Read anew at the next use: a key was made or retired by this process."""
    global _held
    with _lock:
        _held = None


def verifying_key(kid: str) -> Ed25519PublicKey | None:
    """The public key of a `kid`.

    One that is not held is looked for: another worker may have made it a moment ago. So a
    stranger's invented `kid` costs a query, as any public call does.
    """
    key = _current().publics.get(kid)
    if key is None:
        forget()
        key = _current().publics.get(kid)
    return key


def signing_key() -> SigningKey | None:
    """The newest key that has not retired; None where there is none yet."""
    return _current().signing

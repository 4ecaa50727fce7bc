"""The keys that sign access tokens: made, rotated, withdrawn."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from django.utils import timezone

from audit.events import Event
from audit.services import record
from devices import token_keys
from devices.models import (
    TokenKey,
)


@transaction.atomic
def make_token_key() -> TokenKey:
    """A new signing key. Of two that are made at once, the newer signs and both are published."""
    private = Ed25519PrivateKey.generate()
    row = TokenKey.objects.create(
        public=private.public_key().public_bytes_raw(), private=private.private_bytes_raw()
    )
    transaction.on_commit(token_keys.forget)
    record(Event.TOKEN_KEY_MADE, details={"kid": str(row.pk)})
    return row


@transaction.atomic
def rotate_token_key(*, withdraw: bool = False) -> TokenKey:
    """A new key signs from now on; the private halves of all others are wiped.

    Their public halves stay published, so that living tokens stay good. `withdraw` deletes them
    as well: every token ends within five seconds, and each device asks again by its proof.
    """
    new = make_token_key()
    others = TokenKey.objects.exclude(pk=new.pk)
    if withdraw:
        others.delete()
    else:
        for row in others.select_for_update().filter(retired_at=None):
            row.private = None
            row.retired_at = timezone.now()
            row.save()
    record(
        Event.TOKEN_KEYS_WITHDRAWN if withdraw else Event.TOKEN_KEY_ROTATED,
        details={"kid": str(new.pk)},
    )
    return new

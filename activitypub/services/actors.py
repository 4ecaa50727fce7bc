"""Making the actors of this server."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Account
from activitypub import keymaking
from activitypub.keymaking import KeyPair
from activitypub.models import ActorType, LocalActor
from activitypub.protocol.local_uris import INSTANCE_USERNAME, ActorURIs
from activitypub.services.keys import add_first_keys


def prepare() -> Callable[[str, str], None]:
    """Make the keys for an account that comes to be, and return what makes its actor: a function of the
    account's id and username, to be called inside the transaction that makes the account.
    """
    pairs = keymaking.make_pairs()
    return lambda account_id, username: _of_account(account_id, username, timezone.now(), pairs)


def make_missing() -> int:
    """Make the server's own actor, and one for each account that has none; return how many were made.

    For a server's start: accounts of before this room have none. Several processes may do it at once.
    """
    made = 0
    if not LocalActor.objects.filter(account=None, type=ActorType.APPLICATION).exists():
        made += _unless_made(partial(_of_instance, keymaking.make_pairs()))
    without = Account.objects.filter(actor=None).order_by("created_at")
    for account_id, username, created_at in list(without.values_list("pk", "username", "created_at")):
        pairs = keymaking.make_pairs()
        made += _unless_made(partial(_of_account, account_id, username, created_at, pairs))
    return made


def _unless_made(make: Callable[[], None]) -> bool:
    """Whether this process made it: another one may have been faster, or the account may be gone."""
    try:
        with transaction.atomic():
            make()
    except IntegrityError:
        return False
    return True


def _of_account(account_id: UUID | str, username: str, published: datetime, pairs: Sequence[KeyPair]) -> None:
    uris = ActorURIs.of_user(settings.HVX_ORIGIN, username)
    actor = _create(uris, username, published, account_id=account_id)
    add_first_keys(actor, pairs)


def _of_instance(pairs: Sequence[KeyPair]) -> None:
    uris = ActorURIs.of_instance(settings.HVX_ORIGIN)
    actor = _create(uris, INSTANCE_USERNAME, timezone.now(), type=ActorType.APPLICATION, locked=True)
    add_first_keys(actor, pairs)


def _create(uris: ActorURIs, username: str, published: datetime, **what: Any) -> LocalActor:
    return LocalActor.objects.create(
        uri=uris.id,
        url=uris.id,
        username=username,
        inbox=uris.inbox,
        shared_inbox=uris.shared_inbox,
        outbox=uris.outbox,
        followers=uris.followers,
        following=uris.following,
        featured=uris.featured,
        published=published,
        **what,
    )

"""Finding actors and their keys."""

from collections.abc import Sequence

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.protocol.names import is_username
from accounts.queries import was_erased
from activitypub.errors import ActorGone, UnknownActor
from activitypub.models import ActorKey, ActorType, KeyKind, LocalActor
from activitypub.protocol.local_uris import INSTANCE_USERNAME, username_at


def of_username(username: str) -> LocalActor:
    """The actor of an account. Raises UnknownActor, ActorGone."""
    if not is_username(username):
        raise UnknownActor
    actor = LocalActor.objects.filter(username=username, account__isnull=False).first()
    if actor is not None:
        return actor
    raise ActorGone if was_erased(username) else UnknownActor


def of_handle(username: str) -> LocalActor:
    """The actor whose handle begins so, the server's own too. Raises UnknownActor, ActorGone."""
    return instance() if username == INSTANCE_USERNAME else of_username(username)


def at_uri(uri: str) -> LocalActor:
    """The actor at an address of this server. Raises UnknownActor, ActorGone."""
    return of_handle(username_at(settings.HVX_ORIGIN, uri) or "")


def instance() -> LocalActor:
    """The server's own actor, which a start has made. Raises UnknownActor."""
    actor = LocalActor.objects.filter(account=None, type=ActorType.APPLICATION).first()
    if actor is None:
        raise UnknownActor
    return actor


def of_account(account_id: str) -> LocalActor:
    """The actor of an account. Raises UnknownActor."""
    actor = LocalActor.objects.filter(account_id=account_id).first()
    if actor is None:
        raise UnknownActor
    return actor


def published_keys(actor: LocalActor) -> Sequence[ActorKey]:
    """What verifies the actor's signatures: its newest keys first, and replaced ones for a while."""
    stands = Q(retires_at=None) | Q(retires_at__gt=timezone.now())
    return list(ActorKey.objects.filter(stands, actor=actor).defer("private").order_by("-created_at", "pk"))


def signing_key(actor: LocalActor, kind: KeyKind) -> ActorKey:
    """The key by which the actor signs now. Its private half opens where it is read. Raises UnknownActor
    where the actor was erased meanwhile."""
    key = ActorKey.objects.filter(actor=actor, kind=kind, retires_at=None).order_by("-created_at").first()
    if key is None:
        raise UnknownActor
    return key

"""An actor's keys: the first ones, and others in their place."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.queries import locked
from activitypub import keymaking, ports
from activitypub.errors import UnknownActor
from activitypub.keymaking import KeyPair
from activitypub.models import ActorKey, KeyKind, LocalActor
from audit.events import Event
from audit.services import record

# How long a replaced key stays published: longer than the 12 hours for which a signature may be good,
# and than a server that was away for a week-end takes to come back.
OVERLAP = timedelta(days=7)

# RSA first under the name that servers expect which know no other.
_FRAGMENTS = {KeyKind.RSA: "main-key", KeyKind.ED25519: "ed25519-key"}


def add_first_keys(actor: LocalActor, pairs: Sequence[KeyPair]) -> None:
    """Give a new actor its keys, inside the transaction that makes it."""
    for pair in pairs:
        _add(actor, pair, _FRAGMENTS[pair.kind])


def rotate_keys(actor: LocalActor) -> list[ActorKey]:
    """Give an actor new keys, which sign from now on, and return them.

    The old ones' public halves stay published for OVERLAP, so that what was signed before still verifies.
    So long the old RSA key tells others of the new one, for some believe nobody else; the private half of
    the other is wiped at once. Raises UnknownActor where it was erased meanwhile.
    """
    pairs = keymaking.make_pairs()
    retires_at = timezone.now() + OVERLAP
    with transaction.atomic():
        account = _locked_with(actor)
        made = []
        for pair in pairs:
            known = ActorKey.objects.filter(actor=actor, kind=pair.kind)
            made.append(_add(actor, pair, f"{_FRAGMENTS[pair.kind]}-{known.count() + 1}"))
            for old in known.filter(retires_at=None).exclude(pk=made[-1].pk):
                if old.kind != KeyKind.RSA:
                    old.private = None
                old.retires_at = retires_at
                old.save(update_fields=["private", "retires_at"])
        ports.actor_changed(actor.pk)
        record(Event.ACTOR_KEYS_ROTATED, account=account)
    return made


def wipe_retired() -> int:
    """Wipe the private halves of keys that are published no more; how many."""
    over = ActorKey.objects.filter(retires_at__lte=timezone.now(), private__isnull=False)
    return over.update(private=None)


def _locked_with(actor: LocalActor) -> str | None:
    """Lock whose the actor is, so that two rotations never count alike, nor one meets an erasure; return
    the account's id, None for the server's own. Raises UnknownActor."""
    if actor.account_id is None:
        LocalActor.objects.select_for_update().get(pk=actor.pk)
        return None
    if locked(actor.account_id) is None:
        raise UnknownActor
    return str(actor.account_id)


def _add(actor: LocalActor, pair: KeyPair, fragment: str) -> ActorKey:
    return ActorKey.objects.create(
        actor=actor,
        kind=pair.kind,
        key_id=f"{actor.uri}#{fragment}",
        public=pair.public,
        private=pair.private,
    )

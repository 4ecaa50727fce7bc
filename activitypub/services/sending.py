"""Sending: what goes out is written down in the transaction in which it comes to be, and delivered later."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from activitypub import bell
from activitypub.ids import new_id
from activitypub.models import Actor, Delivery, Follow, FollowState, KeyKind, LocalActor, Sent
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.shapes import PUBLIC
from activitypub.protocol.signatures.integrity_proofs import with_proof
from activitypub.protocol.signatures.keys import private_key_from_vault
from activitypub.protocol.signatures.reasons import SignatureError
from activitypub.protocol.uris import origin_of
from activitypub.queries import actors
from activitypub.queries.hosts import shut_among
from activitypub.services.inserting import Insert, moment

_write = Insert(
    Delivery, "id", "activity_id", "inbox", "host", "synchronise", "attempts", "due_at", "last_error"
)


def new_activity_uri(actor: LocalActor) -> str:
    """An address for an activity of this actor, which nothing has had before."""
    return f"{actor.uri}/objects/{new_id()}"


def send(
    actor: LocalActor,
    document: Mapping[str, Any],
    *,
    to: Iterable[Actor] = (),
    to_followers: bool = False,
    followers_of: Actor | None = None,
    public: bool = False,
    object_uri: str = "",
) -> Sent:
    """Write down an activity and one delivery for each inbox that is to have it, in the caller's transaction.

    `document["id"]` is from `new_activity_uri`. Actors of this server are not sent to: what it does to
    them, the caller does. Nor are those whose host is suspended, or has failed for so long that it is left
    alone. Several actors behind one shared inbox get it once. With `followers_of` somebody else's followers
    get it too. `public` is whether an outbox shows it; what
    none shows, and nobody is sent, is given back without a row. Raises UnknownActor where the actor has no
    key any more by which to prove it, if the settings ask for proofs.
    """
    now = timezone.now()
    sent = Sent(
        actor=actor,
        uri=document["id"],
        type=document["type"],
        object_uri=object_uri,
        body=_body(actor, document, now),
        public=public,
    )
    followed = [one for one in (actor if to_followers else None, followers_of) if one is not None]
    inboxes = _inboxes(to, followed)
    if inboxes or public:
        # What followers alone may read is what two servers must agree about who they are (FEP-8fcf).
        _put(sent, inboxes, synchronise=to_followers and not _is_for_all(document), now=now)
    return sent


def pass_on(
    actor: LocalActor,
    body: bytes,
    *,
    type_: str,
    to: Iterable[Actor],
    followers_of: Actor | None,
    object_uri: str,
) -> None:
    """Write down an activity of somebody else's, as it came, for inboxes that are to have it from this actor
    (inbox forwarding, ActivityPub §7.1.2); otherwise as `send`.

    It is as good as what it carries: whoever gets it believes its proof, or looks at what it is about.
    """
    inboxes = _inboxes(to, [followers_of] if followers_of is not None else [])
    if inboxes:
        # Under an address of ours: the activity's own id is its author's, and may come again.
        uri = new_activity_uri(actor)
        sent = Sent(actor=actor, uri=uri, type=type_, object_uri=object_uri, body=body)
        _put(sent, inboxes, synchronise=False, now=timezone.now())


def _put(sent: Sent, inboxes: Mapping[str, str], *, synchronise: bool, now: datetime) -> None:
    with transaction.atomic():
        sent.save(force_insert=True)
        _deliver(sent, inboxes, synchronise=synchronise, now=now)
    if inboxes:
        transaction.on_commit(bell.ring)


def _body(actor: LocalActor, document: Mapping[str, Any], now: datetime) -> bytes:
    """The document as it goes out, with a proof where the settings say so (FEP-8b32)."""
    body = orjson.dumps(document)
    if not settings.HVX_FEDERATION_PROOFS:
        return body
    row = actors.signing_key(actor, KeyKind.ED25519)
    key = private_key_from_vault(bytes(row.private or b""))
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("a proof is made by an Ed25519 key")
    try:
        return orjson.dumps(with_proof(orjson.loads(body), key, row.key_id, now.timestamp()))
    except SignatureError:
        # A document that is too long for one goes out without: the request is signed as ever.
        return body


def _inboxes(to: Iterable[Actor], followed: Sequence[Actor]) -> dict[str, str]:
    """Inbox to its host, without those that get nothing."""
    found = {(one.host, one.shared_inbox, one.inbox) for one in to if one.host and one.suspended_at is None}
    if followed:
        followers = Follow.objects.filter(followee__in=followed, state=FollowState.ACCEPTED)
        remote = followers.exclude(follower__host="").filter(follower__suspended_at=None)
        columns = ("follower__host", "follower__shared_inbox", "follower__inbox")
        found.update(remote.values_list(*columns).distinct().iterator())
    shut = shut_among({host for host, _, _ in found})
    inboxes = {}
    for host, shared, own in found:
        # Breakers and limits are for who is spoken to: the host of the inbox, whatever the actor's is.
        inbox = shared or own
        origin = origin_of(inbox)
        if host not in shut and origin is not None:
            inboxes[inbox] = origin.authority
    shut = shut_among(set(inboxes.values()))
    return {inbox: host for inbox, host in inboxes.items() if host not in shut}


def _is_for_all(document: Mapping[str, Any]) -> bool:
    return any(PUBLIC in shapes.many(document.get(name)) for name in ("to", "cc"))


def _deliver(sent: Sent, inboxes: Mapping[str, str], *, synchronise: bool, now: datetime) -> None:
    due_at = moment(now)
    _write((new_id(), sent.pk, inbox, host, synchronise, 0, due_at, "") for inbox, host in inboxes.items())

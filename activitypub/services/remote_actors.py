"""Keeping what is known of actors of other servers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from activitypub import cleaning
from activitypub.models import ActorKey, KeyKind, RemoteActor
from activitypub.protocol.documents.actors import RemoteActorDocument
from activitypub.protocol.documents.shapes import Link, Text
from activitypub.queries.hosts import without_media_among

# As the columns have it.
MAX_NAME = 500
# Characters that are read of HTML. Mastodon reads as many of a summary.
MAX_SUMMARY = 20_000
MAX_FIELD = 2_000


@dataclass(frozen=True)
class KnownKey:
    """A public key under the address where it is published, as DER SubjectPublicKeyInfo."""

    key_id: str
    kind: KeyKind
    public: bytes


def keep(document: RemoteActorDocument, keys: Sequence[KnownKey], at: datetime) -> RemoteActor:
    """Make or change the actor's row, and let it have these keys and no others.

    Whoever calls has seen to it that the document is the actor's own, and of another server. An older
    document than the one that is kept changes nothing.
    """
    with transaction.atomic():
        kept, made = RemoteActor.objects.select_for_update().get_or_create(
            uri=document.id, defaults=_columns(document, at)
        )
        if not made:
            if kept.fetched_at is not None and kept.fetched_at > at:
                return kept
            for name, value in _columns(document, at).items():
                setattr(kept, name, value)
            kept.save()
        _keep_keys(kept, keys)
    return kept


def _keep_keys(actor: RemoteActor, keys: Sequence[KnownKey]) -> None:
    wanted = {key.key_id: key for key in keys}
    for row in ActorKey.objects.filter(actor=actor).defer("private"):
        known = wanted.get(row.key_id)
        if known is not None and known.public == bytes(row.public):
            del wanted[row.key_id]
        else:
            row.delete()
    ActorKey.objects.bulk_create(
        [
            ActorKey(actor=actor, kind=key.kind, key_id=key.key_id, public=key.public)
            for key in wanted.values()
        ],
        # A key that another actor has stays that one's.
        ignore_conflicts=True,
    )


def _columns(document: RemoteActorDocument, at: datetime) -> dict[str, Any]:
    icon, image = _picture(document.icon), _picture(document.image)
    if (icon or image) and without_media_among({document.host}):
        icon = image = ""
    return {
        "host": document.host,
        "username": document.username,
        "type": document.type,
        "url": _address(document.page) or document.id,
        "inbox": document.inbox,
        "shared_inbox": _address(document.shared_inbox),
        "outbox": _address(document.outbox),
        "followers": _address(document.followers),
        "following": _address(document.following),
        "featured": _address(document.featured),
        "display_name": cleaning.as_text(_text(document.name))[:MAX_NAME],
        "summary": cleaning.clean(_text(document.summary)[:MAX_SUMMARY]),
        "fields": [
            {
                "name": cleaning.as_text(field.name[:MAX_FIELD])[:MAX_NAME],
                "value": cleaning.clean(field.value[:MAX_FIELD]),
            }
            for field in document.fields
        ],
        "icon": icon,
        "image": image,
        "locked": document.manually_approves_followers,
        "discoverable": document.discoverable is not False,
        "indexable": document.indexable,
        "also_known_as": list(document.also_known_as),
        "moved_to": _address(document.moved_to),
        "published": document.published,
        "fetched_at": at,
    }


def _address(uri: str | None) -> str:
    """An address that a column can hold; what is written in another alphabet is left out."""
    return uri if uri and uri.isascii() else ""


def _picture(link: Link | None) -> str:
    return _address(link.href if link else None)


def _text(text: Text | None) -> str:
    return text.value if text else ""

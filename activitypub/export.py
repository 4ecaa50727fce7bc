"""An account's actor in the export of the account."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from accounts.ports import Part
from activitypub.models import Actor, ActorKey, Follow

ACTOR = (
    *("id", "uri", "username", "type", "url"),
    *("inbox", "shared_inbox", "outbox", "followers", "following", "featured"),
    *("display_name", "summary", "summary_source", "fields", "icon", "image"),
    *("locked", "discoverable", "indexable", "also_known_as", "moved_to", "published", "suspended_at"),
)
KEY = ("id", "kind", "key_id", "public", "created_at", "retires_at")
FOLLOW = ("id", "follower", "followee", "state", "uri", "created_at")


def parts(account_id: str) -> Iterable[Part]:
    """The actor, its public keys, and who follows whom."""
    for actor in Actor.objects.filter(account_id=account_id):
        yield Part(
            "actor",
            f"Who you are in the fediverse, as {settings.HVX_ORIGIN} tells other servers.",
            _row(actor, ACTOR),
        )
    of_account = {"actor__account_id": account_id}
    yield Part(
        "actor-keys",
        "Public halves (DER) of the keys by which the server signs for your actor.",
        (
            _row(key, KEY)
            for key in ActorKey.objects.filter(**of_account).defer("private").order_by("created_at")
        ),
    )
    yield Part("follows", "Whom you follow, or asked to.", _follows(follower__account_id=account_id))
    yield Part("followers", "Who follows you, or asked to.", _follows(followee__account_id=account_id))


def _row(row: object, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _follows(**whose: str) -> Iterable[Mapping[str, Any]]:
    rows = Follow.objects.filter(**whose).select_related("follower", "followee").order_by("pk")
    for row in rows.iterator():
        yield _row(row, FOLLOW) | {"follower": row.follower.uri, "followee": row.followee.uri}

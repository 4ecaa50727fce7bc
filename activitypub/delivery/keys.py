"""The keys by which actors sign what is delivered, opened and loaded, a bounded number for a short while."""

from typing import Final

from cachetools import TTLCache

from activitypub.delivery.jobs import SigningKey
from activitypub.models import ActorKey, KeyKind
from activitypub.protocol.signatures.keys import private_key_from_vault

MOST: Final = 1000
# A key that was replaced signs for so long; it is published for a week more.
KEPT_SECONDS: Final = 60.0


class Keys:
    """For one thread, which may ask the database."""

    def __init__(self) -> None:
        self._kept: TTLCache[int, SigningKey] = TTLCache(MOST, KEPT_SECONDS)

    def of(self, actor_id: int) -> SigningKey | None:
        """The RSA key by which this actor signs now; None where it was erased."""
        if (kept := self._kept.get(actor_id)) is not None:
            return kept
        rows = ActorKey.objects.filter(actor_id=actor_id, kind=KeyKind.RSA, retires_at=None)
        row = rows.order_by("-created_at").first()
        if row is None or row.private is None:
            return None
        opened = SigningKey(row.key_id, private_key_from_vault(bytes(row.private)))
        self._kept[actor_id] = opened
        return opened

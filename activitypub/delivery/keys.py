"""The keys by which actors sign what is delivered, opened and loaded, a bounded number for a short while."""

import logging
from typing import Final
from uuid import UUID

from cachetools import TTLCache
from django.db.models import QuerySet
from django.utils import timezone

from activitypub.delivery.jobs import SigningKey
from activitypub.models import ActorKey, KeyKind
from activitypub.protocol.signatures.keys import private_key_from_vault
from vault.errors import CannotOpen

log = logging.getLogger("activitypub.delivery")

MOST: Final = 1000
KEPT_SECONDS: Final = 60.0


class Keys:
    """For one thread, which may ask the database."""

    def __init__(self) -> None:
        self._kept: TTLCache[UUID, SigningKey] = TTLCache(MOST, KEPT_SECONDS)

    def of(self, actor_id: int) -> SigningKey | None:
        """The RSA key by which this actor signs now; None where it was erased, or does not open.

        Which one that is, is asked each time: a replaced one is no longer the actor's `publicKey`, and many
        servers look nowhere else.
        """
        return self._newest(_of(actor_id).filter(retires_at=None))

    def before(self, actor_id: int) -> SigningKey | None:
        """The key that this one has replaced, for as long as that may tell of it; None without one."""
        return self._newest(_of(actor_id).filter(retires_at__gt=timezone.now(), private__isnull=False))

    def _newest(self, rows: QuerySet[ActorKey]) -> SigningKey | None:
        newest = rows.order_by("-created_at").values_list("pk", flat=True).first()
        if newest is None:
            return None
        if (kept := self._kept.get(newest)) is not None:
            return kept
        row = rows.filter(pk=newest).first()
        if row is None:
            return None
        try:
            private = row.private
            opened = None if private is None else SigningKey(row.key_id, private_key_from_vault(private))
        except (CannotOpen, ValueError):
            # One actor's alone: what others have to tell does not wait for it.
            log.exception("an actor's key does not open", extra={"fields": {"key_id": row.key_id}})
            return None
        if opened is not None:
            self._kept[newest] = opened
        return opened


def _of(actor_id: int) -> QuerySet[ActorKey]:
    return ActorKey.objects.filter(actor_id=actor_id, kind=KeyKind.RSA)

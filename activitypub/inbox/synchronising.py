"""What an inbox does with a followers' synchronisation header: in the background, seldom, and bounded."""

import logging
from functools import partial

from cachetools import TTLCache
from django.utils import timezone

from activitypub.fetching.errors import NotFetched
from activitypub.inbox.authentication import Authenticated
from activitypub.protocol.documents.collections import collection
from activitypub.protocol.documents.refusals import RefusedDocument
from activitypub.protocol.synchronization import HEADER, Synchronization, digest
from activitypub.protocol.uris import same_origin
from activitypub.remote import session, signing
from activitypub.services import synchronising
from activitypub.tasks import Tasks
from activitypub.threads import in_database

log = logging.getLogger("activitypub.inbox")

MOST_AT_ONCE = 8
# The same header of the same actor is looked at once in so many seconds.
EVERY_SECONDS = 600.0
MOST_REMEMBERED = 10_000

_NAME = HEADER.lower()


class Synchronizer:
    """For the inboxes of one loop."""

    def __init__(self) -> None:
        self._seen: TTLCache[tuple[str, str], None] = TTLCache(MOST_REMEMBERED, EVERY_SECONDS)
        self._tasks = Tasks()

    def hear(self, sender: Authenticated) -> None:
        """Look at the header of a request that was taken, if it has one and has signed it. Never waits."""
        told = signed_header(sender)
        if not told or (sender.actor_uri, told) in self._seen or len(self._tasks) >= MOST_AT_ONCE:
            return
        self._seen[sender.actor_uri, told] = None
        self._tasks.start(self._synchronise(sender.actor_uri, told))

    async def close(self) -> None:
        """End what is under way."""
        await self._tasks.cancel()

    async def _synchronise(self, actor_uri: str, header: str) -> None:
        try:
            told = await in_database(partial(synchronising.disagreement, actor_uri, header))
            if told is not None:
                followers = await _fetch(told)
                if followers is not None:
                    await in_database(partial(synchronising.reconcile, actor_uri, followers, timezone.now()))
        except NotFetched:
            # They say it again with what they send next.
            return
        except Exception:
            log.exception("followers were not synchronised")


def signed_header(sender: Authenticated) -> str:
    """The header's value; empty where there is none, or it is not among what was signed."""
    if sender.verified is None:
        return ""
    claim = sender.verified.claim
    lines = claim.request.fields.get(_NAME, [])
    covered = f"\n{_NAME}: ".encode(), f'\n"{_NAME}": '.encode()
    signed = all(any(line in b"\n" + base for line in covered) for base in claim.bases)
    return lines[0] if len(lines) == 1 and signed else ""


async def _fetch(told: Synchronization) -> list[str] | None:
    """The followers that the sender counts here; None unless they come to just what it has said, for a part
    of them would take the rest away."""
    signer = await in_database(signing.instance_signer)
    document = await session.documents().fetch_document(told.url, signer, max_age=0)
    try:
        found = collection(document)
    except RefusedDocument:
        return None
    followers = [item.id for item in found.items if item.id is not None]
    if not same_origin(told.url, told.collection_id) or digest(followers) != told.digest:
        return None
    return followers

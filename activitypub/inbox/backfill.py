"""What a conversation lacks here, fetched behind everything else: what a post answers, and other replies.

Bounded in depth and number, by one thread, and forgotten when the process ends: it is a help and owed to
nobody. What comes by it has the same checks as everything that is fetched.
"""

import logging
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import Final

from django.db import close_old_connections

from activitypub.fetching.errors import NotFetched
from activitypub.protocol.documents import collections, shapes
from activitypub.protocol.documents.refusals import RefusedDocument
from activitypub.protocol.uris import same_origin
from activitypub.remote import objects, posts
from activitypub.services.posts import is_known

log = logging.getLogger("activitypub.backfill")

# Upwards from a post so many, and of each that was fetched so many of its replies, on its own page alone.
DEPTH: Final = 10
REPLIES: Final = 10
# More that are wanted at a time are not fetched.
MOST_WANTED: Final = 256


class Backfill:
    """Fetches from the first `want` until `close`."""

    def __init__(self) -> None:
        self._wanted: SimpleQueue[str] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    def want(self, uri: str) -> None:
        """Fetch this post, and what it answers, when there is time. Never waits."""
        if self._closed or self.waiting >= MOST_WANTED:
            return
        self._wanted.put(uri)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="backfill", daemon=True)
            self._thread.start()

    @property
    def waiting(self) -> int:
        return self._wanted.qsize()

    def close(self) -> None:
        """Fetch nothing more. What is under way ends by itself, and keeps nobody from ending."""
        self._closed = True
        self._wanted.put("")

    def _run(self) -> None:
        while not self._closed:
            if uri := self._wanted.get():
                try:
                    climb(uri)
                except Exception as error:
                    fields = {"kind": type(error).__name__}
                    log.error("a conversation was not fetched", extra={"fields": fields})
                finally:
                    close_old_connections()


def climb(uri: str) -> None:
    """Keep the post at this address, those that it answers, upwards, and replies to each."""
    for _ in range(DEPTH):
        if is_known(uri):
            return
        try:
            row = posts.resolve(uri)
        except NotFetched:
            return
        _keep_replies(uri)
        if row.in_reply_to_id is not None or not row.in_reply_to_uri:
            return
        uri = row.in_reply_to_uri


def _keep_replies(uri: str) -> None:
    """Some of the replies that its document, fetched a moment ago, lists, or one page of the same server."""
    with suppress(NotFetched, RefusedDocument):
        listed = shapes.reference(objects.fetch(uri).get("replies"))
        for _ in range(2):
            if listed is None:
                return
            if listed.id is not None and not same_origin(listed.id, uri):
                return
            found = collections.collection(listed.inline or objects.fetch(listed.id or ""))
            if found.items:
                break
            listed = found.first
        for item in found.items[:REPLIES]:
            # The address alone: whatever stands there says itself what it is.
            if item.id is not None and not is_known(item.id):
                with suppress(NotFetched):
                    posts.resolve(item.id)

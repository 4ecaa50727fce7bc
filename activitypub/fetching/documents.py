"""ActivityPub documents of other servers: each from where its id says that it stands.

Whoever may serve a URL may say what stands there, and nothing of any other place.
"""

import asyncio
import time
from collections.abc import Callable, Hashable

from activitypub.fetching.cache import KEPT_SECONDS, Cache
from activitypub.fetching.errors import NotFetched, Reason, Refused
from activitypub.fetching.fetch import Fetched, Fetcher, Signer
from activitypub.fetching.targets import Target, target
from activitypub.protocol.documents.reading import Document, read
from activitypub.protocol.documents.refusals import RefusedDocument


class Documents:
    """Fetched documents, kept for a while. Of those who ask for one at the same time, one fetches it."""

    def __init__(self, fetcher: Fetcher, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.fetcher = fetcher
        self._cache = Cache(clock)
        self._under_way: dict[Hashable, asyncio.Task[Document | NotFetched]] = {}

    async def fetch_document(
        self,
        url: str,
        signer: Signer | None = None,
        *,
        max_age: float = KEPT_SECONDS,
        redirects: int | None = None,
    ) -> Document:
        """Get the document at a URL, or the one whose id it names if that is another.

        Its `id` is where it was fetched. `max_age` in seconds: what was learned before is asked again; a
        key that does not verify is fetched once more with a short one. `redirects` as in Fetcher.fetch.
        Raises Gone, NotFound, DownForNow, Refused, which are remembered for half a minute too.
        """
        at = target(url, plain_http=self.fetcher.plain_http)
        # What a server shows to one actor it may not show to another.
        key = (at, signer and signer.key_id, redirects)
        known = self._cache.get(key, max_age)
        if isinstance(known, Fetched):
            return _read(known, at)
        if isinstance(known, NotFetched):
            raise known.again()
        # Shielded: who gives up waiting does not end it for the others.
        outcome = await asyncio.shield(self._fetching(key, at, signer, redirects))
        if isinstance(outcome, NotFetched):
            raise outcome.again()
        return outcome

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _fetching(
        self, key: Hashable, at: Target, signer: Signer | None, redirects: int | None
    ) -> asyncio.Task[Document | NotFetched]:
        if key not in self._under_way:
            task = asyncio.create_task(self._fetch_and_keep(key, at, signer, redirects))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key))
        return self._under_way[key]

    async def _fetch_and_keep(
        self, key: Hashable, at: Target, signer: Signer | None, redirects: int | None
    ) -> Document | NotFetched:
        try:
            async with self.fetcher.deadline(at.host):
                fetched, document = await self._fetch(at, signer, redirects)
        except NotFetched as error:
            if error.reason is not Reason.LEFT_ALONE:
                self._cache.put(key, error.again())
            return error
        self._cache.put(key, fetched)
        return document

    async def _fetch(
        self, at: Target, signer: Signer | None, redirects: int | None
    ) -> tuple[Fetched, Document]:
        place = at
        # The second time it is an address beside its own, as that of a page for people, that was asked
        # first: what is fetched there proves nothing but where to ask.
        for _ in range(2):
            fetched = await self.fetcher.fetch(place.url, sign=signer, redirects=redirects)
            document = _read(fetched, place)
            place = self._place_of(document, place)
            if place.url == fetched.url:
                return fetched, document
        raise Refused(Reason.ID_ELSEWHERE, at.host)

    def _place_of(self, document: Document, at: Target) -> Target:
        id_ = document.get("id")
        if not isinstance(id_, str):
            raise Refused(Reason.ID_MISSING, at.host)
        return target(id_, plain_http=self.fetcher.plain_http)


def _read(fetched: Fetched, at: Target) -> Document:
    try:
        return read(fetched.body)
    except RefusedDocument as error:
        raise Refused(Reason.BAD_DOCUMENT, at.host, error.refusal.value) from None

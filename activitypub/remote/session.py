"""One guarded session for each loop that asks other servers, and a loop for those who have none.

Everything is made at its first use. A loop of one's own is closed with `close`, before it ends.
"""

import asyncio
import atexit
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
from django.conf import settings

from activitypub.fetching.bridge import LoopThread
from activitypub.fetching.documents import Documents
from activitypub.fetching.fetch import Fetcher
from activitypub.fetching.guard import open_session, public_or_loopback
from activitypub.protocol.addresses import is_public
from activitypub.remote.schemes import InRows

T = TypeVar("T")


@dataclass(frozen=True)
class _Opened:
    session: aiohttp.ClientSession
    documents: Documents


_opened: dict[asyncio.AbstractEventLoop, _Opened] = {}
_thread: LoopThread | None = None
_making = threading.Lock()


def open_way() -> aiohttp.ClientSession:
    """A new session by this server's settings, for who keeps one of its own and closes it."""
    return open_session(
        user_agent=f"Hvx/{settings.HVX_VERSION} (+{settings.HVX_ORIGIN})",
        allowed=public_or_loopback if settings.HVX_FEDERATION_ALLOW_PRIVATE else is_public,
    )


def documents() -> Documents:
    """The documents of other servers, as the running loop fetches them."""
    loop = asyncio.get_running_loop()
    if loop not in _opened:
        session = open_way()
        plain_http = settings.HVX_FEDERATION_ALLOW_PRIVATE
        fetcher = Fetcher(session, plain_http=plain_http, schemes=InRows())
        _opened[loop] = _Opened(session, Documents(fetcher))
    return _opened[loop].documents


async def close() -> None:
    """Close what the running loop has opened. Twice does no harm."""
    opened = _opened.pop(asyncio.get_running_loop(), None)
    if opened is not None:
        await opened.documents.close()
        await opened.session.close()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it in the loop of those who have none, and return or raise what it does."""
    return _loop().run(coroutine)


def close_thread() -> None:
    """Close that loop, if there is one. The next `run` makes another."""
    global _thread
    with _making:
        thread, _thread = _thread, None
    if thread is not None:
        thread.run(close(), 5.0)
        thread.close()


def _loop() -> LoopThread:
    global _thread
    with _making:
        if _thread is None:
            _thread = LoopThread()
        return _thread


atexit.register(close_thread)

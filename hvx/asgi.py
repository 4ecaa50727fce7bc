"""One ASGI application, one origin: HTTP by Django's WSGI handler, sockets by Channels.

An HTTP request through Django's own ASGI handler costs more than twice the CPU of the same request
through its WSGI handler and the bridge (docs/performance.md), so sockets alone go the ASGI way.
"""

import asyncio
import contextlib
from typing import cast

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

from hvx.wsgi import application as wsgi_application  # sets Django up, which all below needs

# isort: split

from channels.routing import URLRouter
from django.conf import settings
from django.core.cache import caches

from accounts.passwords import HASHES_AT_ONCE
from activitypub.remote import session
from devices import push
from hvx import metrics
from hvx.bridge import WSGIApplication, in_threads, with_body
from hvx.housekeeping import close_house, keep_house
from hvx.inboxes import Inboxes
from hvx.lanes import Lanes
from hvx.signed_reads import SignedReads
from keyexchange.routing import websocket_urlpatterns

_django = cast(WSGIApplication, wsgi_application)
_lanes = Lanes(
    quick=in_threads(_django, threads=settings.HVX_THREADS),
    slow=in_threads(_django, threads=HASHES_AT_ONCE),
)
# Behind the waits for the body and for another server's key: whoever is slow takes no place in either lane.
_reads = cast(ASGI3Application, SignedReads(with_body(cast(ASGI3Application, _lanes))))
_inboxes = Inboxes(_reads)
http = cast(ASGI3Application, _inboxes)
sockets = cast(ASGI3Application, URLRouter(websocket_urlpatterns))
# Django keeps a cache's client by context, and every socket's task is a context of its own, copied
# from the one that imports this module: made here, one client serves all sockets; made later, each
# socket would hold a connection to Redis.
cache_of_all_sockets = caches["default"]


async def lifespan(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Bind this process's loop for pushes from threads, and keep house while it runs."""
    house: asyncio.Task[None] | None = None
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            push.bind(asyncio.get_running_loop())
            house = asyncio.create_task(keep_house())
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            if house is not None:
                house.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await house
                await close_house()
            await _inboxes.close()
            await session.close()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def refuse_socket(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Close a socket that was opened at no address of ours before it is accepted."""
    await receive()
    await send({"type": "websocket.close", "code": 4404, "reason": "not_found"})


PATHS_OF_SOCKETS = frozenset(f"/{pattern.pattern}" for pattern in websocket_urlpatterns)


async def application(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Route by kind of connection."""
    if scope["type"] == "http":
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        if scope["path"] not in PATHS_OF_SOCKETS:
            await refuse_socket(receive, send)
        else:
            with metrics.SOCKETS.track_inprogress():
                await sockets(scope, receive, send)
    else:
        await lifespan(receive, send)

"""What must not grow with the number of sockets."""

import asyncio
import contextvars
import importlib

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

import hvx.asgi


def test_all_sockets_share_one_client_of_the_cache() -> None:
    async def socket() -> BaseCache:
        return caches["default"]

    async def serve() -> None:
        # As the server does: the application is loaded by the task that all sockets descend from.
        importlib.reload(hvx.asgi)
        one, other = await asyncio.gather(asyncio.create_task(socket()), asyncio.create_task(socket()))
        assert one is other

    contextvars.Context().run(asyncio.run, serve())

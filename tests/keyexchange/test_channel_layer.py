"""What the sockets need of the cluster's channel layer."""

import asyncio
import random

import pytest
from django.conf import LazySettings

from hvx.layers import SealedRedisChannelLayer
from tests.components import redis_url_of_this_process

pytestmark = pytest.mark.needs("redis")


async def test_a_reader_that_is_cancelled_at_any_moment_ends(settings: LazySettings) -> None:
    settings.HVX_REDIS_URL = redis_url_of_this_process()
    layer = SealedRedisChannelLayer()
    moments = random.Random(4)
    for count in range(100):
        reader = asyncio.create_task(layer.receive(await layer.new_channel()))
        for _ in range(moments.randrange(20)):
            await asyncio.sleep(0)
        if count % 2:
            await asyncio.sleep(moments.random() / 1000)
        reader.cancel()
        ended, _ = await asyncio.wait([reader], timeout=10)
        assert ended, "it swallowed its cancellation"
    await layer.close_pools()

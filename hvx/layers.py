"""The channel layer of the cluster: Redis, with every payload encrypted under a key of the vault."""

from base64 import urlsafe_b64encode
from typing import Any

from channels_redis.core import RedisChannelLayer
from django.conf import settings
from redis.asyncio import BlockingConnectionPool

from vault import keys

CONNECTIONS = 32


class SealedRedisChannelLayer(RedisChannelLayer):
    """channels_redis whose `symmetric_encryption_keys` come from the root key, never from a setting."""

    def __init__(self, **config: Any) -> None:
        key = urlsafe_b64encode(keys.derive("channel-layer")).decode()
        super().__init__(
            # No timeout of redis-py's: its 5 s for a read are as long as the layer waits for each
            # message, so that every quiet socket would fail (channels_redis issue 422), and it puts
            # every write under asyncio.wait_for, which before Python 3.12 may swallow a cancellation,
            # so that a closed socket's reader would wait for ever. The kernel notices a dead peer.
            hosts=[{"address": settings.HVX_REDIS_URL, "socket_timeout": None, "socket_keepalive": True}],
            prefix="hvx",
            # Of all the sockets of a process together: it holds what they have not read yet.
            capacity=100_000,
            symmetric_encryption_keys=[key],
            **config,
        )

    def create_pool(self, index: int) -> BlockingConnectionPool:
        """A crowd waits for a connection: the driver's usual pool turns the hundred-and-first away."""
        options = dict(self.hosts[index])
        return BlockingConnectionPool.from_url(options.pop("address"), max_connections=CONNECTIONS, **options)

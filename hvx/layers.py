"""The channel layer of the cluster: Redis, with every payload encrypted under a key of the vault."""

from base64 import urlsafe_b64encode
from typing import Any

from channels_redis.core import RedisChannelLayer
from django.conf import settings

from vault import keys


class SealedRedisChannelLayer(RedisChannelLayer):
    """channels_redis whose `symmetric_encryption_keys` come from the root key, never from a setting."""

    def __init__(self, **config: Any) -> None:
        key = urlsafe_b64encode(keys.derive("channel-layer")).decode()
        super().__init__(
            # redis-py gives up a read after 5 s unless told otherwise, and the layer waits for as long
            # as that for each message: every quiet socket would fail (channels_redis issue 422).
            hosts=[{"address": settings.HVX_REDIS_URL, "socket_timeout": self.brpop_timeout + 10}],
            prefix="hvx",
            capacity=1000,
            symmetric_encryption_keys=[key],
            **config,
        )

"""uvicorn as every process of the server that speaks to strangers runs it."""

import socket

import uvicorn
from django.conf import settings

from hvx.serving.heads import BoundedHeads
from hvx.serving.link import Link

# Longer than any frame of the key exchange (PROTOCOL §4: 64 KiB): the consumer itself refuses what
# is too long with `bad_frame`; this bound only keeps a socket from filling the memory.
SOCKET_MAX_BYTES = 128 * 1024
# What is being answered when the server is to end has so long to be answered.
GRACE = 5


class Server(uvicorn.Server):
    """Tells the master once it answers."""

    def __init__(self, config: uvicorn.Config, link: Link) -> None:
        super().__init__(config)
        self._link = link

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._link.tell(event="ready")


def config(application: str) -> uvicorn.Config:
    """How every process of the server speaks HTTP and sockets."""
    return uvicorn.Config(
        application,
        http=BoundedHeads,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.HVX_TRUSTED_PROXIES,
        ws_max_size=SOCKET_MAX_BYTES,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=GRACE,
        lifespan="on",
    )

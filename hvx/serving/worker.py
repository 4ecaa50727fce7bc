"""A worker: the application under uvicorn, once its master has handed it the root key."""

import argparse
import socket

import uvicorn
from django.conf import settings

from hvx.serving.link import Link
from vault import keys
from vault.memory import core_dumps_off

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


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--link", type=int, required=True)
    parser.add_argument("--listener", type=int, required=True)
    options = parser.parse_args()
    core_dumps_off()
    link = Link(options.link)
    served = config("hvx.asgi:application")
    # Loaded while the root key is still on its way: importing takes most of a start's time.
    served.load()
    keys.hold(link.take_root())
    link.end_with_master()
    Server(served, link).run(sockets=[socket.socket(fileno=options.listener)])


if __name__ == "__main__":
    main()

"""The sealed server's process: it refuses every call, and opens the vault with what operators bring.

Shares and passphrases are in no other process of the server, and this one ends once the vault is open.
"""

import argparse
import asyncio
import contextlib
import json
import logging.config
import os
import socket
from typing import Any

from django.conf import settings

from hvx.serving import LONGEST_MESSAGE
from hvx.serving.control import ControlSocket
from hvx.serving.link import Link
from hvx.serving.opener import Opener
from hvx.serving.web import Server, config
from vault.memory import core_dumps_off


class SealedServer(Server):
    """Listens to strangers and, on the control socket, to operators; ends once the vault is open."""

    def __init__(self, link: Link, control: socket.socket) -> None:
        super().__init__(config("hvx.serving.sealed_app:application"), link)
        self._opener = Opener(link)
        self._control = ControlSocket(control, self._opener.answers)
        self._hearing: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self._control.open()
        self._hearing = asyncio.create_task(self._hear_master())
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._control.close()
        await super().shutdown(sockets)
        await self._opener.leave()
        await self._control.drain()

    async def _hear_master(self) -> None:
        """Pass on what the master makes of a root key; end at once when the master does."""
        loop = asyncio.get_running_loop()
        self._link.socket.setblocking(False)
        with contextlib.suppress(ConnectionResetError):
            while message := await loop.sock_recv(self._link.socket, LONGEST_MESSAGE):
                verdict: dict[str, Any] = json.loads(message)
                self._opener.verdicts.put_nowait(verdict)
                self.should_exit = verdict["verdict"] == "unsealed"
        os._exit(1)


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--link", type=int, required=True)
    parser.add_argument("--listener", type=int, required=True)
    parser.add_argument("--control", type=int, required=True)
    options = parser.parse_args()
    core_dumps_off()
    logging.config.dictConfig(settings.LOGGING)
    server = SealedServer(Link(options.link), socket.socket(fileno=options.control))
    server.run(sockets=[socket.socket(fileno=options.listener)])


if __name__ == "__main__":
    main()

"""A child's end of the link to its master: a socket that keeps messages apart (SOCK_SEQPACKET).

A message is a JSON object of at most 4 KiB, or the root key's 32 bytes where those are due. The link's
end is the master's end, and then the child's.
"""

import json
import os
import socket
import sys
import threading
from typing import Any, NoReturn

from hvx.serving import LONGEST_MESSAGE
from vault import rootkey
from vault.errors import RootKeyMissing
from vault.rootkey import RootKey


class Link:
    """Made from the descriptor that the master has passed down."""

    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(fileno=descriptor)

    def tell(self, **words: Any) -> None:
        """Send a message to the master."""
        self.socket.send(json.dumps(words).encode())

    def take_root(self) -> RootKey:
        """Wait for the root key; where the master ends before it comes, this process does."""
        try:
            return rootkey.read_from(self.socket.fileno())
        except (RootKeyMissing, ConnectionResetError):
            sys.exit(1)

    def give_root(self, root: RootKey) -> None:
        """Hand the root key up to the master."""
        self.tell(event="root")
        rootkey.write_to(self.socket.fileno(), root)

    def end_with_master(self) -> None:
        """From now on this process ends at once when the master does, even by SIGKILL."""
        threading.Thread(target=self._watch, name="master's end", daemon=True).start()

    def _watch(self) -> NoReturn:
        try:
            while self.socket.recv(LONGEST_MESSAGE):
                pass
        finally:
            os._exit(1)

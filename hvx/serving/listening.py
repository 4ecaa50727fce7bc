"""The two sockets that a server listens on: the public one, and the one for its operator."""

import contextlib
import errno
import os
import socket
import time
from collections.abc import Iterator

from django.conf import settings

from vault import control as operators

# So long may a server that was killed a moment ago still have the address: its processes end by themselves.
_PATIENCE = 3.0
BACKLOG = 2048


class CannotListen(Exception):
    """An address cannot be had; the text says which and what to do."""


@contextlib.contextmanager
def public() -> Iterator[socket.socket]:
    """HVX_LISTEN, bound, and not yet listened on. Raises CannotListen."""
    host, _, port = settings.HVX_LISTEN.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        # A port that a server has just left is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            _bind(listener, (host, int(port)))
        except OSError as error:
            raise CannotListen(
                f"HVX_LISTEN={settings.HVX_LISTEN}: {error.strerror}. Set another address."
            ) from None
        yield listener


def _bind(listener: socket.socket, address: tuple[str, int]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            listener.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@contextlib.contextmanager
def control() -> Iterator[socket.socket]:
    """The operator's socket in the data folder, mode 0600. Wants the folder's lock. Raises CannotListen."""
    path = settings.HVX_DATA_DIR / operators.NAME
    with socket.socket(socket.AF_UNIX) as listener, operators.short_name(settings.HVX_DATA_DIR) as name:
        # The socket's mode is the mask's: there is no moment at which another user could connect.
        mask = os.umask(0o177)
        try:
            path.unlink(missing_ok=True)
            listener.bind(name)
        except OSError as error:
            raise CannotListen(f"{path}: {error.strerror}.") from None
        finally:
            os.umask(mask)
        listener.listen()
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)

"""A bell that wakes this machine's background process: there is something to deliver, or to work through.

It carries nothing and may be lost. Whoever is woken by it looks into the database, and looks there every
second anyway: that is how processes on other machines learn of it.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from django.conf import settings

NAME = "background.sock"
_READ_AT_ONCE = 4096


def ring() -> None:
    """Wake it, if it runs. Never waits and never fails."""
    with contextlib.suppress(OSError), _name() as name, _line() as line:
        line.sendto(b"!", name)


class Bell:
    """The end that hears. One process a data folder; the newest has the bell."""

    def __init__(self) -> None:
        self._line = _line()
        self._path = Path(settings.HVX_DATA_DIR) / NAME
        mask = os.umask(0o177)
        try:
            self._path.unlink(missing_ok=True)
            with _name() as name:
                self._line.bind(name)
        finally:
            os.umask(mask)

    def hear(self, *called: Callable[[], None]) -> None:
        """From now on call them in the running loop whenever the bell has rung, once for many rings."""
        asyncio.get_running_loop().add_reader(self._line, self._heard, called)

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().remove_reader(self._line)
        self._path.unlink(missing_ok=True)
        self._line.close()

    def _heard(self, called: Sequence[Callable[[], None]]) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._line.recv(_READ_AT_ONCE):
                pass
        for call in called:
            call()


def _line() -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    line.setblocking(False)
    return line


@contextlib.contextmanager
def _name() -> Iterator[str]:
    # A socket's address has room for 107 bytes; a path may be longer.
    directory = os.open(settings.HVX_DATA_DIR, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{NAME}"
    finally:
        os.close(directory)

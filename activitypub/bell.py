"""A bell that wakes this machine's background process: there is something to deliver, or to work through.

It carries nothing and may be lost. Whoever is woken by it looks into the database, and looks there every
second anyway: that is how processes on other machines learn of it.
"""

import asyncio
import contextlib
import fcntl
import os
import socket
from collections.abc import Callable, Iterator, Sequence

from django.conf import settings

NAME = "background.sock"
_READ_AT_ONCE = 4096


def ring() -> None:
    """Wake it, if it runs. Never waits and never fails."""
    with contextlib.suppress(OSError), _folder() as folder, _line() as line:
        line.sendto(b"!", _in(folder))


class Bell:
    """The end that hears. One process a data folder; the newest has the bell."""

    def __init__(self) -> None:
        self._line = _line()
        with _alone() as folder:
            mask = os.umask(0o177)
            try:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(NAME, dir_fd=folder)
                self._line.bind(_in(folder))
            finally:
                os.umask(mask)
            self._file = _file(folder)

    def hear(self, *called: Callable[[], None]) -> None:
        """From now on call them in the running loop whenever the bell has rung, once for many rings."""
        asyncio.get_running_loop().add_reader(self._line, self._heard, called)

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().remove_reader(self._line)
        with contextlib.suppress(FileNotFoundError), _alone() as folder:
            # A newer process may have hung its own there. As long as the line is open no other file has the
            # number of this one.
            if _file(folder) == self._file:
                os.unlink(NAME, dir_fd=folder)
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
def _folder() -> Iterator[int]:
    folder = os.open(settings.HVX_DATA_DIR, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield folder
    finally:
        os.close(folder)


@contextlib.contextmanager
def _alone() -> Iterator[int]:
    """The folder, in which nobody else hangs or takes down a bell meanwhile."""
    with _folder() as folder:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield folder


def _in(folder: int) -> str:
    # A socket's address has room for 107 bytes; a path may be longer.
    return f"/proc/self/fd/{folder}/{NAME}"


def _file(folder: int) -> tuple[int, int]:
    there = os.stat(NAME, dir_fd=folder, follow_symlinks=False)
    return there.st_dev, there.st_ino

"""Whose turn it is to write into an embedded database: first what comes in, then what is made of it.

SQLite lets one write at a time, and who finds another writing sleeps and tries again, for as long as the
other one always gets there first: working through a hundred activities would keep the next ones out for
seconds. So both take a lock that wakes them, and what comes in keeps it for as long as more is coming.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import connection

NAME = "inbox.turn"


class Turn:
    """A turn that one process at a time has. The kernel takes it back from one that ends."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._since = 0.0

    @property
    def seconds(self) -> float:
        """For how long it has been held; zero where it is not."""
        return time.monotonic() - self._since if self._descriptor is not None else 0.0

    def take(self) -> None:
        """Wait for the turn, unless it is held here or the database needs none."""
        if self._descriptor is not None or connection.vendor != "sqlite":
            return
        path = Path(settings.HVX_DATA_DIR) / NAME
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor, self._since = descriptor, time.monotonic()

    def give(self) -> None:
        """Let the others. Twice does no harm."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """The turn for one transaction."""
    held = Turn()
    held.take()
    try:
        yield
    finally:
        held.give()

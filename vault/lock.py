"""One server a data folder: the lock file that names the process which has it.

The file is made with O_CREAT | O_EXCL and holds the process's id, the time at which that process
started and the machine's boot id, so that neither a process that took over the number nor a restart of
the machine is mistaken for the one that made it. Its maker also holds a lock of the kernel's on it, as
long as it lives: that is seen from another container too, where process ids are others.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

NAME = "serve.lock"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LONGEST = 1024


class Held(Exception):
    """Another process has the data folder; `pid` is its id as that process sees it."""

    def __init__(self, data_dir: Path, pid: int) -> None:
        super().__init__(
            f"process {pid} already runs on {data_dir}; end it first, or set another HVX_DATA_DIR"
        )
        self.pid = pid


class _Process(NamedTuple):
    pid: int
    started: int
    boot: str


@contextlib.contextmanager
def hold(data_dir: Path) -> Iterator[None]:
    """Have the data folder for this process alone. Raises Held.

    The file goes when the block ends; one that was left behind is recognised and taken over.
    """
    descriptor = _take(data_dir)
    try:
        yield
    finally:
        with _guard(data_dir):
            (data_dir / NAME).unlink(missing_ok=True)
        os.close(descriptor)


def holder(data_dir: Path) -> int | None:
    """Return the id of the process that has the data folder, or None."""
    with _guard(data_dir):
        return _holder(data_dir / NAME)


@contextlib.contextmanager
def _guard(data_dir: Path) -> Iterator[None]:
    """One process at a time judges and replaces the file.

    Or of two that find it stale, the slower would take away the new lock of the faster. The kernel
    drops this one with the process, so it cannot be left behind.
    """
    directory = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _take(data_dir: Path) -> int:
    path = data_dir / NAME
    with _guard(data_dir):
        pid = _holder(path)
        if pid is not None:
            raise Held(data_dir, pid)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(descriptor, json.dumps(_process(os.getpid())).encode())
            os.fsync(descriptor)
        except BaseException:
            path.unlink()
            os.close(descriptor)
            raise
    return descriptor


def _holder(path: Path) -> int | None:
    """Return who holds the file, None for a stale one. Wants the guard.

    Under the guard a file without a whole record is one whose maker died while it wrote.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        recorded = _parse(os.read(descriptor, _LONGEST))
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return recorded.pid if recorded else 0
    finally:
        os.close(descriptor)
    return recorded.pid if recorded and recorded == _process(recorded.pid) else None


def _parse(text: bytes) -> _Process | None:
    try:
        return _Process(*json.loads(text))
    except (ValueError, TypeError):
        return None


def _process(pid: int) -> _Process | None:
    """Return the process that has this id now, None where there is none."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets, which may hold anything.
    after_name = status.rpartition(")")[2].split()
    return _Process(pid, int(after_name[19]), _BOOT_ID.read_text().strip())

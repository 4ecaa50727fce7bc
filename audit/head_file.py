"""The server chain's head beside the database: what a database that was put back cannot know of.

`audit.head` in the data folder, written at each checkpoint. Whoever puts back the database alone is
found by it; whoever puts back both is found by the same line in the log, if that went elsewhere.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

NAME = "audit.head"


@dataclass(frozen=True)
class Head:
    """How long the server's chain was, and the hash of its last row, in hex."""

    length: int
    hash: str


def path() -> Path:
    return Path(settings.HVX_DATA_DIR) / NAME


def read() -> Head | None:
    """What the file says; None where there is none. Raises ValueError for one that says nothing."""
    try:
        held = json.loads(path().read_bytes())
        return Head(length=int(held["length"]), hash=str(held["hash"]))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, OverflowError, OSError) as error:
        raise ValueError("it cannot be read") from error


@contextmanager
def alone() -> Iterator[None]:
    """One process at a time compares and writes; the kernel drops the lock with the process."""
    folder = os.open(path().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
        # With what was put into it: a file that a failing power takes back would be missed.
        os.fsync(folder)
    finally:
        os.close(folder)


def write(head: Head) -> None:
    """Put the head in the file's place, whole or not at all."""
    beside = path().with_name(f"{NAME}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            json.dump(asdict(head), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path())
    except BaseException:
        beside.unlink(missing_ok=True)
        raise

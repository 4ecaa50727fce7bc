"""What keeps the bytes: one interface, answered by the embedded block store and by Kubo.

A file is named by its root's CID. Pinned files are kept; what no pinned file has goes by `collect`. A pin
is there or not: whose it is, and how many want it, is known to the records that ask for it. The two versions
of a CID are the same here, and what is told is told in version 1.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from storage.protocol.cids import Cid


class NotHere(LookupError):
    """A block is not in the store."""

    def __init__(self, cid: Cid) -> None:
        super().__init__(f"the block {cid} is not here")
        self.cid = cid


class Unreadable(Exception):
    """A pinned file's blocks cannot all be found and read, so that nothing is known to belong to nobody."""

    def __init__(self, root: Cid) -> None:
        super().__init__(f"the blocks of {root} are not all here and whole: nothing was removed")
        self.root = root


class Kind(StrEnum):
    """What can be wrong in a store."""

    MISSING = "missing"
    DAMAGED = "damaged"
    LEFT_OVER = "left over"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it should be. `name` is a CID, or of what has none the place in the store.

    `root` is a pinned file that has the block; of what is left over there is none.
    """

    kind: Kind
    name: str
    root: Cid | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """A file that was added: its root, and its length in bytes."""

    root: Cid
    length: int


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed: blocks, their bytes, and uploads that somebody had broken off."""

    blocks: int = 0
    bytes: int = 0
    uploads: int = 0


class Adding(Protocol):
    """A file on its way in. Whoever leaves it without `keep` leaves nothing behind."""

    def write(self, data: bytes | memoryview, /) -> None: ...

    def finish(self) -> Added:
        """All is written. The CID is known; nothing is kept yet."""
        ...

    def keep(self) -> None:
        """Return once the finished file would outlast a loss of power, and is pinned."""
        ...


class Backend(Protocol):
    """Any call may raise OSError where the store cannot be reached. No call holds a file in memory."""

    def add(self) -> AbstractContextManager[Adding]: ...

    def length(self, root: Cid) -> int:
        """Return the file's length in bytes. Raises NotHere, BadBlock."""
        ...

    def read(self, root: Cid, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `stop`, each block checked. Raises NotHere, BadBlock."""
        ...

    def block(self, cid: Cid) -> bytes:
        """Return a block's bytes, unchecked. Raises NotHere."""
        ...

    def pin(self, root: Cid) -> None:
        """Keep this file: returns once all of it is here. Once more changes nothing.

        Raises NotHere, BadBlock.
        """
        ...

    def unpin(self, root: Cid) -> None:
        """Keep it no more. What was not pinned is not either."""
        ...

    def has(self, root: Cid) -> bool:
        """Whether the file is pinned."""
        ...

    def roots(self) -> Iterator[Cid]:
        """Yield all that is pinned, in no order."""
        ...

    def check(self) -> Iterator[Fault]:
        """Yield what is missing, damaged or left over. Reads every block of every pinned file."""
        ...

    def collect(self) -> Collected:
        """Remove what no pinned file has, and no upload is about to have. Raises Unreadable."""
        ...

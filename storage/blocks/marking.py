"""Which blocks belong to pinned files: counted anew each time, by walking from the pins.

A mark is the eight bytes by which Python tells texts apart, so a tebibyte of files takes some 35 MB. Each
process has its own, so nobody can make two that are the same; all that came of it is that a block is kept
which could go.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable

from storage.backend import NotHere, Unreadable
from storage.blocks.folder import Folder, shard
from storage.protocol.cids import Cid
from storage.protocol.dag_pb import BadBlock
from storage.protocol.reading import node, walk


class Marks:
    """The marks of all blocks of all pinned files, each time that `renew` has been called."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._walked: set[Cid] = set()
        self._marks: dict[str, array[int]] = defaultdict(lambda: array("q"))

    def renew(self) -> None:
        """Add the files that were pinned since. Raises Unreadable."""
        for root in self._folder.roots():
            # One that went while it was walked may come again, with all its blocks: it is not done.
            if root not in self._walked and self._add(root):
                self._walked.add(root)

    def of(self, name: str) -> frozenset[int]:
        """Return the marks of one folder of blocks."""
        return frozenset(self._marks.get(name, ()))

    def _add(self, root: Cid) -> bool:
        """Whether all of it was there."""
        try:
            for cid in walk(root, children_in(self._folder)):
                name = str(cid)
                self._marks[shard(name)].append(mark(name))
        except (NotHere, BadBlock):
            if self._folder.pin(root).exists():
                raise Unreadable(root) from None
            return False
        return True


def mark(name: str) -> int:
    """Return the mark of a block, by the name of its file."""
    return hash(name)


def children_in(folder: Folder) -> Callable[[Cid], Iterable[Cid]]:
    """What `walk` asks, answered by the store: NotHere and BadBlock are raised to whoever walks."""
    return lambda cid: (part.cid for part in node(cid, folder.read).parts)

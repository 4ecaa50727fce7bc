"""Blocks in, bytes out: a file or a part of it, each block held against its CID before a byte is given.

Held meanwhile: one block, and what is still to come of the nodes above it. A node's sizes must be those of
what is below it, or the reading ends: `Range` and `Content-Length` rest on them.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from storage.protocol.cids import DAG_PB, RAW, Block, Cid
from storage.protocol.dag_pb import BadBlock
from storage.protocol.unixfs import FileNode, Part, file_node

# Of nodes above each other. Kubo's own trees reach a pebibyte with six.
MAX_DEPTH: Final = 16

# Gives a block's bytes, or raises what it likes: that ends the reading too.
Getter = Callable[[Cid], bytes]


class WrongBlock(BadBlock):
    """The bytes that came are not the CID's."""

    def __init__(self, cid: Cid) -> None:
        super().__init__(f"the block {cid} is damaged")
        self.cid = cid


def node(cid: Cid, get: Getter) -> FileNode:
    """Get one block of a file, checked and read. Raises BadBlock, and what `get` raises."""
    data = get(cid)
    if not cid.names(data):
        raise WrongBlock(cid)
    return file_node(Block(cid, data))


def length(root: Cid, get: Getter) -> int:
    """Return the file's length in bytes, by its root. Raises BadBlock, and what `get` raises."""
    return node(root, get).length


def read(root: Cid, get: Getter, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """Yield the bytes from `start` to before `stop`, or to the end. Getting no blocks but those needed.

    Raises BadBlock, and what `get` raises, as soon as it meets them; what was given before is genuine.
    """
    waiting: list[tuple[Cid, Part | None, int, int]] = [(root, None, 0, 0)]
    while waiting:
        cid, promised, position, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise BadBlock("the file's nodes are too deep")
        found = node(cid, get)
        if promised is not None and (found.length, found.stored) != (promised.length, promised.stored):
            raise BadBlock("a node tells a size that is not that of what is below it")
        end = position + found.length if stop is None else stop
        own = found.data[max(0, start - position) : max(0, end - position)]
        if own:
            yield own
        position += len(found.data)
        wanted = []
        for part in found.parts:
            if position + part.length > start and position < end:
                wanted.append((part.cid, part, position, depth + 1))
            position += part.length
        waiting.extend(reversed(wanted))


def walk(root: Cid, children: Callable[[Cid], Iterable[Cid]]) -> Iterator[Cid]:
    """Yield each block of a file, from the root down, as CIDs of version 1.

    `children` tells those of a dag-pb node and is asked once for each. Of raw leaves it is not asked, so no
    leaf is read; a leaf is yielded each time that it is linked.
    """
    root = root.as_v1()
    yield root
    if root.codec == RAW:
        return
    seen = {root.digest}
    waiting = [root]
    while waiting:
        for child in map(Cid.as_v1, children(waiting.pop())):
            if child.codec == DAG_PB:
                if child.digest in seen:
                    continue
                seen.add(child.digest)
                waiting.append(child)
            yield child

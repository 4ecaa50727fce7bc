"""Looking into a store's folder, and doing to it what disks and people do."""

import random
from collections.abc import Iterator
from pathlib import Path

from storage.backend import Added, Backend
from storage.blocks.folder import Folder
from storage.protocol.cids import Block, Cid
from storage.protocol.unixfs import file_node


def content(seed: int, size: int = 9_000) -> bytes:
    return random.Random(seed).randbytes(size)


def added(store: Backend, data: bytes) -> Added:
    """A file, written in pieces and kept."""
    with store.add() as adding:
        for start in range(0, len(data), 1000):
            adding.write(data[start : start + 1000])
        result = adding.finish()
        adding.keep()
    return result


def whole(store: Backend, root: Cid) -> bytes:
    return b"".join(store.read(root))


def files(place: Path) -> set[str]:
    """Every file of a store but its locks."""
    found = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    return found - {"lock", "collecting"}


def path_of(place: Path, cid: Cid) -> Path:
    return Folder(place).block(cid)


def tree(store: Backend, root: Cid) -> Iterator[Cid]:
    """A file's blocks, the root first, then each level from the left."""
    waiting = [root]
    while waiting:
        cid = waiting.pop(0)
        yield cid
        waiting += [part.cid for part in file_node(Block(cid, store.block(cid))).parts]


def flip(path: Path, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    path.write_bytes(data)

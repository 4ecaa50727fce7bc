"""Removing what belongs to nobody: blocks that no pinned file has, and uploads that were broken off.

Blocks move in and are pinned under a shared lock. Here it is held alone, for some folders at a time, and all
that was pinned up to then is known before anything in them is judged. What is on its way in is elsewhere.
"""

import os
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from storage.backend import Collected
from storage.blocks.folder import Folder, cid_of, entries, shard, shards
from storage.blocks.locks import held_folder, lock
from storage.blocks.marking import Marks, mark

# Of 1,024. Those who upload wait at most as long as going through so many takes.
_FOLDERS_AT_ONCE = 32


class Unmarked(NamedTuple):
    """A file that belongs to nobody: where, how long, and whether it is a block in its place."""

    path: Path
    bytes: int
    block: bool


def collect(folder: Folder) -> Collected:
    """Remove them. Raises Unreadable before any block is removed; OSError."""
    blocks = size = uploads = 0
    with lock(folder.collecting):
        for place in broken_off(folder):
            shutil.rmtree(place)
            uploads += 1
        for found in unmarked(folder, remove=True):
            blocks += found.block
            size += found.bytes
    return Collected(blocks, size, uploads)


def unmarked(folder: Folder, *, remove: bool) -> Iterator[Unmarked]:
    """Yield blocks that no pinned file has, and files that are no block or no pin; removed where so wished.

    Raises Unreadable.
    """
    marks = Marks(folder)
    # Without the lock, since this takes longest. What is pinned meanwhile is added below.
    marks.renew()
    waiting = shards()
    while names := list(islice(waiting, _FOLDERS_AT_ONCE)):
        with lock(folder.lock):
            marks.renew()
            found = [each for name in names for each in _in_shard(folder, name, marks)]
            found += _no_pins(folder)
            if remove:
                for each in found:
                    each.path.unlink()
        # Whoever asks may take long, and need not be waited for.
        yield from found


def broken_off(folder: Folder) -> Iterator[Path]:
    """Yield the folders of uploads that nobody is at any more, each while it is held."""
    for place in folder.uploads.iterdir():
        with lock(folder.lock):
            descriptor = held_folder(place)
        if descriptor is not None:
            try:
                yield place
            finally:
                os.close(descriptor)


def _in_shard(folder: Folder, name: str, marks: Marks) -> Iterator[Unmarked]:
    kept = marks.of(name)
    for path in entries(folder.blocks / name):
        if mark(path.name) not in kept and path.is_file():
            yield Unmarked(path, path.stat().st_size, cid_of(path) is not None and shard(path.name) == name)


def _no_pins(folder: Folder) -> Iterator[Unmarked]:
    """Drafts of pins, whose writers hold the lock as long as they write."""
    for path in entries(folder.pins):
        if cid_of(path) is None and path.is_file():
            yield Unmarked(path, path.stat().st_size, block=False)

"""A file on its way in: blocks in a folder of its own, which all move into the store at its end.

Until they move nobody sees them and nobody removes them. Then, in this order: they are forced to the disk;
they move, under a lock that holds off those who remove blocks; the folders that they moved to are forced to
the disk; the pin is written. So a pinned file is whole, and one without a pin is nobody's.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from storage.backend import Added
from storage.blocks.folder import Folder
from storage.blocks.locks import held_folder, lock
from storage.protocol.building import FileBuilder
from storage.protocol.cids import Block, Cid
from vault.whole import sync_folder, whole_file

# How many blocks are forced to the disk at once: the disk joins them, so eight take little longer than one.
_AT_ONCE = 8
_BATCH = 256


@contextmanager
def upload(folder: Folder) -> "Iterator[Upload]":
    """A place for one upload, which is gone with the block."""
    place, descriptor = _place(folder)
    try:
        yield Upload(folder, place)
    finally:
        # While it is locked, or another may take it for broken off and remove it too.
        shutil.rmtree(place, ignore_errors=True)
        os.close(descriptor)


class Upload:
    """What `Adding` says. Write, finish, keep."""

    def __init__(self, folder: Folder, place: Path) -> None:
        self._folder = folder
        self._place = place
        self._builder = FileBuilder()
        self._added: Added | None = None
        self._broken = False
        self._kept = False

    def write(self, data: bytes | memoryview) -> None:
        """Raises OSError."""
        if self._added is not None:
            raise ValueError("the file is finished")
        self._lay_down(self._builder.write(data))

    def finish(self) -> Added:
        """Raises OSError."""
        if self._added is None:
            self._lay_down(self._builder.finish())
            root = self._builder.root
            self._added = Added(root.cid, root.length)
        return self._added

    def keep(self) -> None:
        """Raises OSError."""
        root = self.finish().root
        # A second time the blocks may be gone again, and only a pin would come of it.
        if self._kept:
            return
        with self._whole_step():
            force(self._place.iterdir())
            with lock(self._folder.lock, shared=True):
                self._move()
                pin(self._folder, root)
        self._kept = True

    def _lay_down(self, blocks: Iterable[Block]) -> None:
        with self._whole_step():
            for block in blocks:
                # A file may hold the same block many times.
                with suppress(FileExistsError), (self._place / str(block.cid)).open("xb") as file:
                    os.fchmod(file.fileno(), 0o600)
                    file.write(block.data)

    @contextmanager
    def _whole_step(self) -> Iterator[None]:
        """Raises ValueError once a step has failed.

        A block may be there in part then, under the name of the whole; or some have moved, and somebody
        who collects may have removed them.
        """
        if self._broken:
            raise ValueError("the file was not written whole")
        self._broken = True
        yield
        self._broken = False

    def _move(self) -> None:
        changed = {self._folder.blocks}
        for path in self._place.iterdir():
            target = self._folder.block(Cid.from_text(path.name))
            if target.parent not in changed:
                target.parent.mkdir(mode=0o700, exist_ok=True)
                changed.add(target.parent)
            # One that is there already is replaced: it is the same, or damaged.
            path.replace(target)
        force(changed)


def pin(folder: Folder, root: Cid) -> None:
    """Write a pin that lasts. Under the lock, and only once all blocks would outlast a loss of power."""
    with suppress(FileExistsError), whole_file(folder.pin(root)):
        pass
    # Of another's, which may have been written a moment ago.
    sync_folder(folder.pins)


def _place(folder: Folder) -> tuple[Path, int]:
    """Make a folder and lock it, while nobody looks for those that are not locked."""
    place = folder.uploads / secrets.token_hex(16)
    with lock(folder.lock, shared=True):
        place.mkdir(mode=0o700)
        descriptor = held_folder(place)
    if descriptor is None:
        raise BlockingIOError(errno.EAGAIN, "the upload's folder is held by another", str(place))
    return place, descriptor


def force(paths: Iterable[Path]) -> None:
    """Force files and folders to the disk."""
    waiting = iter(paths)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while batch := list(islice(waiting, _BATCH)):
            list(pool.map(_sync, batch))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The embedded block store: `storage.backend.Backend` on a folder."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from storage.backend import Collected, Fault, NotHere
from storage.blocks import checking, collecting, uploading
from storage.blocks.folder import Folder
from storage.blocks.locks import lock
from storage.blocks.marking import children_in
from storage.protocol import reading
from storage.protocol.cids import RAW, Cid
from vault.whole import sync_folder


class BlockStore:
    """Any number of threads and processes may use the same folder, each with a store of its own or none."""

    def __init__(self, path: Path) -> None:
        """Make the folder where it is not there. Raises OSError."""
        self._folder = Folder(path)
        self._folder.make()

    def add(self) -> AbstractContextManager[uploading.Upload]:
        return uploading.upload(self._folder)

    def length(self, root: Cid) -> int:
        return reading.length(root, self.block)

    def read(self, root: Cid, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        return reading.read(root, self.block, start, stop)

    def block(self, cid: Cid) -> bytes:
        return self._folder.read(cid)

    def pin(self, root: Cid) -> None:
        folder = self._folder
        with lock(folder.lock, shared=True):
            changed = {folder.blocks}
            for cid in reading.walk(root, children_in(folder)):
                path = folder.block(cid)
                if cid.codec == RAW and not path.is_file():
                    raise NotHere(cid)
                changed.add(path.parent)
            # Whoever moved them in may have been killed before that was sure to last.
            uploading.force(changed)
            uploading.pin(folder, root)

    def unpin(self, root: Cid) -> None:
        with suppress(FileNotFoundError):
            self._folder.pin(root).unlink()
        sync_folder(self._folder.pins)

    def has(self, root: Cid) -> bool:
        return self._folder.pin(root).exists()

    def roots(self) -> Iterator[Cid]:
        return self._folder.roots()

    def check(self) -> Iterator[Fault]:
        return checking.check(self._folder)

    def collect(self) -> Collected:
        return collecting.collect(self._folder)

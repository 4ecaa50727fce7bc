"""Where everything is.

blocks/xy/CID    a block, in one of 1,024 folders by two letters of its CID, as Kubo has it
pins/CID         an empty file: keep this root, and all below it
uploads/…/CID    blocks of an upload on its way in, whose folder is locked as long as it goes on
lock             shared by those who move blocks in and pin them, alone for those who remove blocks
collecting       of those who remove blocks there is one
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from storage.backend import NotHere
from storage.protocol.cids import BadCid, Cid
from storage.protocol.dag_pb import MAX_BLOCK_BYTES
from vault.whole import sync_folder

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True)
class Folder:
    """The store's folder; `make` before all else."""

    path: Path

    def make(self) -> None:
        """Make what is missing, for this user alone."""
        for folder in (self.path, self.blocks, self.pins, self.uploads):
            if not folder.is_dir():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                sync_folder(folder.parent)

    @property
    def blocks(self) -> Path:
        return self.path / "blocks"

    @property
    def pins(self) -> Path:
        return self.path / "pins"

    @property
    def uploads(self) -> Path:
        return self.path / "uploads"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def collecting(self) -> Path:
        return self.path / "collecting"

    def block(self, cid: Cid) -> Path:
        """Where a block is, or would be."""
        name = str(cid.as_v1())
        return self.blocks / shard(name) / name

    def pin(self, root: Cid) -> Path:
        """Where a root's pin is, or would be."""
        return self.pins / str(root.as_v1())

    def read(self, cid: Cid) -> bytes:
        """Return a block's bytes as they are. Of a file that is longer than any block, no more than that.

        Raises NotHere.
        """
        try:
            with self.block(cid).open("rb") as file:
                return file.read(MAX_BLOCK_BYTES + 1)
        except FileNotFoundError:
            raise NotHere(cid) from None

    def roots(self) -> Iterator[Cid]:
        """Yield what is pinned."""
        return (cid for cid in map(cid_of, entries(self.pins)) if cid is not None)


def shard(name: str) -> str:
    """Which folder a CID's block is in: its last letter but one and the one before, which are of chance."""
    return name[-3:-1]


def shards() -> Iterator[str]:
    """Yield the names of all folders of blocks."""
    return (first + second for first in _LETTERS for second in _LETTERS)


def entries(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder; one that is not there is empty."""
    try:
        yield from folder.iterdir()
    except FileNotFoundError:
        return


def cid_of(path: Path) -> Cid | None:
    """Return the CID that is a file's name, None where this server would not have named it so."""
    try:
        cid = Cid.from_text(path.name)
    except BadCid:
        return None
    return cid if str(cid.as_v1()) == path.name else None

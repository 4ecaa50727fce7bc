"""A store in a folder of its own, with blocks so small that files of a few kilobytes are trees."""

from pathlib import Path

import pytest

from storage.blocks.store import BlockStore
from storage.protocol import building

CHUNK, LINKS = 512, 4


def small_blocks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(building, "CHUNK_BYTES", CHUNK)
    patch.setattr(building, "MAX_LINKS", LINKS)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def store(place: Path, monkeypatch: pytest.MonkeyPatch) -> BlockStore:
    small_blocks(monkeypatch)
    return BlockStore(place)

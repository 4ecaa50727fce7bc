"""A place with something in it, its back-up, and an empty place to restore into."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hvx.backup.places import begun, place
from tests.live import LiveServer


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = begun(tmp_path_factory.mktemp("origin"))
    server.manage("invite")
    server.manage("rotate_token_key")
    yield server
    server.close()


@pytest.fixture(scope="module")
def back_up(origin: LiveServer) -> Path:
    path = origin.data_dir.parent / "server.hvx"
    origin.manage("backup", str(path))
    return path


@pytest.fixture
def target(tmp_path: Path, origin: LiveServer) -> Iterator[LiveServer]:
    server = place(tmp_path / "target", origin)
    yield server
    server.close()

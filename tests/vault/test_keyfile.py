"""The key file: refused where others could reach it, made once, and whole."""

import multiprocessing
import os
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from vault.errors import RootKeyError, RootKeyMissing, RootKeyUnsafe, Sealed
from vault.protectors.keyfile import load, load_or_create


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a root key that may be used."""
    load_or_create(tmp_path / "root.key")
    return tmp_path / "root.key"


def test_a_missing_root_key_is_not_invented_by_loading(tmp_path: Path) -> None:
    with pytest.raises(RootKeyMissing, match="no root key at"):
        load(tmp_path / "root.key")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610, 0o700, 0o777, 0o4600, 0o000])
def test_a_root_key_of_another_mode_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(RootKeyUnsafe, match=f"{mode:04o}|Permission denied"):
        load(path)


def test_a_root_key_of_another_owner_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = os.geteuid() + 1
    monkeypatch.setattr("vault.ownfile.os.geteuid", lambda: stranger)
    with pytest.raises(RootKeyUnsafe, match="another user"):
        load(path)


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_a_root_key_of_another_length_is_refused(path: Path, length: int) -> None:
    path.write_bytes(bytes(length))
    with pytest.raises(RootKeyUnsafe, match=f"has {length} bytes"):
        load(path)


def test_a_link_in_the_place_of_the_root_key_is_refused(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.key"
    link.symlink_to(path)
    with pytest.raises(RootKeyUnsafe, match="symbolic link"):
        load(link)
    with pytest.raises(RootKeyUnsafe, match="symbolic link"):
        load_or_create(link)


def test_a_dangling_link_is_refused_and_not_followed_to_make_a_key(tmp_path: Path) -> None:
    link = tmp_path / "link.key"
    link.symlink_to(tmp_path / "elsewhere.key")
    with pytest.raises(RootKeyUnsafe, match="symbolic link"):
        load_or_create(link)
    assert not (tmp_path / "elsewhere.key").exists()


def test_a_pipe_or_a_folder_in_the_place_of_the_root_key_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(RootKeyUnsafe, match="not a regular file"):
            load(tmp_path / name)


def test_an_unsafe_root_key_is_not_replaced(path: Path) -> None:
    path.write_bytes(b"short")
    with pytest.raises(RootKeyUnsafe):
        load_or_create(path)
    assert path.read_bytes() == b"short"


def test_a_stranger_reads_that_the_server_is_sealed_and_never_the_reason(path: Path) -> None:
    path.chmod(0o644)
    with pytest.raises(Sealed) as refusal:
        load(path)
    assert isinstance(refusal.value, RootKeyError)
    assert (refusal.value.status, refusal.value.code, refusal.value.detail) == (503, "sealed", "")
    assert str(path) in str(refusal.value)
    assert path.read_bytes().hex() not in repr(refusal.value)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_a_new_root_key_is_32_bytes_for_its_owner_alone_whatever_the_umask(
    tmp_path: Path, umask: int
) -> None:
    former = os.umask(umask)
    try:
        load_or_create(tmp_path / "root.key")
    finally:
        os.umask(former)
    found = (tmp_path / "root.key").stat()
    assert (found.st_mode & 0o7777, found.st_size, found.st_nlink) == (0o600, 32, 1)
    assert [entry.name for entry in tmp_path.iterdir()] == ["root.key"]


def test_a_folder_made_for_the_root_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    load_or_create(tmp_path / "data" / "root.key")
    assert (tmp_path / "data").stat().st_mode & 0o7777 == 0o700


def test_a_root_key_that_stands_is_kept(path: Path) -> None:
    before = path.read_bytes()
    assert bytes(load_or_create(path).view) == bytes(load(path).view)
    assert path.read_bytes() == before


def test_a_crash_before_the_key_is_whole_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def power_cut(descriptor: int) -> None:
        raise OSError("power cut")

    monkeypatch.setattr("vault.ownfile.os.fsync", power_cut)
    with pytest.raises(OSError, match="power cut"):
        load_or_create(tmp_path / "root.key")
    assert not (tmp_path / "root.key").exists()


def _make_at_once(paths: list[Path], gate: Barrier, answers: "multiprocessing.Queue[list[bytes]]") -> None:
    ids = []
    for path in paths:
        gate.wait(60)
        ids.append(bytes(load_or_create(path).view))
    answers.put(ids)


def test_processes_that_make_the_root_key_at_once_end_with_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[list[bytes]] = context.Queue()
    gate = context.Barrier(4)
    paths = [tmp_path / str(attempt) / "root.key" for attempt in range(20)]
    workers = [context.Process(target=_make_at_once, args=(paths, gate, answers)) for _ in range(4)]
    for worker in workers:
        worker.start()
    found = [answers.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert found == [[bytes(load(path).view) for path in paths]] * 4
    assert [entry.name for path in paths for entry in path.parent.iterdir()] == ["root.key"] * 20

"""Files that are there whole or not at all, however their writer ends."""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from vault import keys, ownfile
from vault.protectors import keyfile
from vault.whole import remove_drafts, whole_file

SECRET = b"what must not stand under two names"


@pytest.fixture(params=["unnamed", "named"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """On a system that has files without a name, and on one that has none."""
    if request.param == "named":
        monkeypatch.setattr(os, "O_TMPFILE", None)
    return str(request.param)


def killed_at(call: str, work: Callable[[], object]) -> None:
    """Have a fork do the work and end, as by SIGKILL, once it has made this call of the system's."""
    child = os.fork()
    if child == 0:
        done = getattr(os, call)

        def last(*arguments: object, **named: object) -> None:
            done(*arguments, **named)
            os.kill(os.getpid(), signal.SIGKILL)

        try:
            setattr(os, call, last)
            work()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("replace", [False, True])
def test_what_is_written_stands_there_alone_and_for_its_owner(
    tmp_path: Path, way: str, *, replace: bool
) -> None:
    path = tmp_path / "root.key"
    if replace:
        path.write_bytes(b"the former")
        ownfile.replace(path, SECRET)
    else:
        assert ownfile.create(path, SECRET)
        assert not ownfile.create(path, b"another")
    assert path.read_bytes() == SECRET
    assert (path.stat().st_mode & 0o7777, path.stat().st_nlink) == (0o600, 1)
    assert names(tmp_path) == ["root.key"]


def test_a_writer_that_is_killed_once_the_file_has_its_name_leaves_no_second_name_of_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "root.key"
    killed_at("link", lambda: ownfile.create(path, SECRET))
    assert names(tmp_path) == ["root.key"]
    assert path.stat().st_nlink == 1


def test_what_a_killed_writer_leaves_goes_and_nothing_else(tmp_path: Path, way: str) -> None:
    path = tmp_path / "root.key"
    path.write_bytes(b"the former")
    others = [".root.key.lock", ".root.key.next.0123456789abcdef", "root.key.next", ".root.key"]
    for name in others:
        (tmp_path / name).touch()
    killed_at("link" if way == "unnamed" else "fsync", lambda: ownfile.replace(path, SECRET))
    assert len(names(tmp_path)) == len(others) + 2
    assert path.read_bytes() == b"the former"
    remove_drafts(path)
    assert names(tmp_path) == sorted(["root.key", *others])
    remove_drafts(tmp_path / "no such folder" / "root.key")


def test_the_next_start_removes_a_second_name_of_the_key_file(
    root_key_path: Path, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    from hvx.start import require_vault

    keys.begin_at(keys.vault_path(), root_key_path)
    root_key_path.rename(root_key_path.with_name("kept"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "O_TMPFILE", None)
        killed_at("link", lambda: keyfile.load_or_create(root_key_path))
        killed_at("link", lambda: keyfile.draft_next(root_key_path))
    assert root_key_path.stat().st_nlink == 2
    root_key_path.with_name("kept").replace(root_key_path)
    monkeypatch.setattr("hvx.start.ensure_ring", lambda: None)
    require_vault()
    assert [name for name in names(root_key_path.parent) if name.startswith(".root.key")] == []


@pytest.mark.parametrize("replace", [False, True])
def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path, way: str, *, replace: bool) -> None:
    path = tmp_path / "file"
    if replace:
        path.write_bytes(b"the former")

    def fail() -> None:
        with whole_file(path, replace=replace) as file:
            file.write(b"half")
            raise OSError(errno.ENOSPC, "no room")

    with pytest.raises(OSError, match="no room"):
        fail()
    assert names(tmp_path) == (["file"] if replace else [])
    assert not replace or path.read_bytes() == b"the former"

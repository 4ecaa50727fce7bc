"""One process a data folder: who has it, who only had it, and who is told so."""

import contextlib
import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crashes import REPOSITORY
from vault import lock

HOLDER = """
import sys
from pathlib import Path
from vault import lock
sys.stdin.readline()
try:
    with lock.hold(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.readline()
except lock.Held as held:
    print(held.pid, flush=True)
"""


class Starter:
    """Another process that takes the folder when told to."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(folder)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    def go(self) -> None:
        self.stdin.write("\n")
        self.stdin.flush()

    def outcome(self) -> str:
        return self.stdout.readline().strip()

    def end(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait()
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()
        self.stdout.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Starter]:
    starter = Starter(tmp_path)
    yield starter
    starter.end()


def record(path: Path, **changed: object) -> None:
    """A lock file as it was left behind by a process that no kernel's lock speaks for."""
    whole = dict(zip(("pid", "started", "boot"), json.loads(path.read_text()), strict=True)) | changed
    path.unlink()
    path.write_text(json.dumps(list(whole.values())))


def own_record(folder: Path) -> Path:
    with lock.hold(folder):
        text = (folder / lock.NAME).read_text()
    (folder / lock.NAME).write_text(text)
    return folder / lock.NAME


def test_the_second_is_refused_and_told_who_has_it(tmp_path: Path, other: Starter) -> None:
    other.go()
    assert other.outcome() == "held"
    with pytest.raises(lock.Held, match=f"process {other.process.pid} ") as held, lock.hold(tmp_path):
        raise AssertionError("two have it")
    assert str(tmp_path) in str(held.value)
    assert lock.holder(tmp_path) == other.process.pid


def test_the_file_is_its_makers_alone_and_goes_at_the_end(tmp_path: Path) -> None:
    with lock.hold(tmp_path):
        assert stat.S_IMODE((tmp_path / lock.NAME).stat().st_mode) == 0o600
        assert lock.holder(tmp_path) == os.getpid()
    assert list(tmp_path.iterdir()) == []
    assert lock.holder(tmp_path) is None


def test_it_goes_when_the_work_fails_too(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), lock.hold(tmp_path):
        raise RuntimeError
    assert lock.holder(tmp_path) is None


def test_a_killed_holder_is_taken_over(tmp_path: Path, other: Starter) -> None:
    other.go()
    assert other.outcome() == "held"
    other.end(signal.SIGKILL)
    assert (tmp_path / lock.NAME).exists()
    assert lock.holder(tmp_path) is None
    with lock.hold(tmp_path):
        assert lock.holder(tmp_path) == os.getpid()


@pytest.mark.parametrize("changed", [{"started": 1}, {"boot": "another"}, {"pid": 2**22 + 1}])
def test_a_record_of_a_process_that_is_no_more_is_taken_over(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    path = own_record(tmp_path)
    assert lock.holder(tmp_path) == os.getpid()
    record(path, **changed)
    assert lock.holder(tmp_path) is None
    with lock.hold(tmp_path):
        assert lock.holder(tmp_path) == os.getpid()


@pytest.mark.parametrize(
    "left",
    [b"", b"{", b"[]", b"null", b"[1,2]", b'["../..",1,""]', b"[null,null,null]", b"[" * 900, b"\xff" * 4000],
)
def test_a_record_that_was_never_finished_is_taken_over(tmp_path: Path, left: bytes) -> None:
    (tmp_path / lock.NAME).write_bytes(left)
    assert lock.holder(tmp_path) is None
    with lock.hold(tmp_path):
        assert lock.holder(tmp_path) == os.getpid()


def test_a_holder_whose_process_id_means_nothing_here_is_respected(tmp_path: Path) -> None:
    """As from another container: the record names no process that is seen, and the kernel's lock is held."""
    path = own_record(tmp_path)
    record(path, pid=2**22 + 1)
    with path.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert lock.holder(tmp_path) == 2**22 + 1
        with pytest.raises(lock.Held), lock.hold(tmp_path):
            raise AssertionError("two have it")


def test_its_maker_has_the_kernels_lock_as_long_as_it_has_the_folder(tmp_path: Path) -> None:
    path = tmp_path / lock.NAME
    with lock.hold(tmp_path):
        # As another container reads it: the number means nothing there.
        path.write_text(json.dumps([2**22 + 1, 1, "another"]))
        assert lock.holder(tmp_path) == 2**22 + 1
        with pytest.raises(lock.Held), lock.hold(tmp_path):
            raise AssertionError("two have it")
    assert lock.holder(tmp_path) is None


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / lock.NAME).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic"), lock.hold(tmp_path):
        raise AssertionError("followed")
    assert (tmp_path / "precious").read_text() == "kept"


def test_of_many_that_find_a_stale_lock_at_once_exactly_one_wins(tmp_path: Path) -> None:
    starters = [Starter(tmp_path) for _ in range(4)]
    try:
        for _ in range(3):
            record(own_record(tmp_path), started=1)
            for starter in starters:
                starter.go()
            outcomes = [starter.outcome() for starter in starters]
            assert outcomes.count("held") == 1, outcomes
            winner = starters[outcomes.index("held")]
            assert set(outcomes) == {"held", str(winner.process.pid)}
            for starter in starters:
                starter.end(signal.SIGKILL)
            starters = [Starter(tmp_path) for _ in range(4)]
    finally:
        for starter in starters:
            starter.end(signal.SIGKILL)

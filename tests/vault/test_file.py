"""`manage.py vault file`: operators' own files, sealed under the ring's key for files."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import MANAGE, REPOSITORY, LiveServer
from vault.stream import CHUNK


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A place with a key ring; nothing is served."""
    live = LiveServer(tmp_path_factory.mktemp("place"), cluster=False)
    live.prepare()
    yield live
    live.close()


def run(server: LiveServer, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*MANAGE, "vault", "file", *arguments],
        env=server.env,
        cwd=REPOSITORY,
        input=given,
        capture_output=True,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[bytes]) -> str:
    assert done.returncode != 0
    said = done.stderr.decode()
    assert "Traceback" not in said, said
    return said


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain"
    path.write_bytes(b"planted words " * 20_000)
    return path


@pytest.fixture
def encrypted(server: LiveServer, plain: Path, tmp_path: Path) -> Path:
    path = tmp_path / "encrypted"
    assert run(server, "encrypt", str(plain), str(path)).returncode == 0
    return path


def test_a_damaged_file_leaves_nothing_decrypted_behind(
    server: LiveServer, encrypted: Path, tmp_path: Path
) -> None:
    data = bytearray(encrypted.read_bytes())
    data[-1] ^= 1
    encrypted.write_bytes(data)
    folder = tmp_path / "out"
    folder.mkdir()
    assert "Nothing was written" in refused(run(server, "decrypt", str(encrypted), str(folder / "again")))
    assert list(folder.iterdir()) == []


def test_a_damaged_file_to_standard_output_says_that_what_came_is_not_the_whole(
    server: LiveServer, encrypted: Path
) -> None:
    done = run(server, "decrypt", str(encrypted), "-", given=b"")
    whole = done.stdout
    cut = encrypted.read_bytes()[:-1]
    done = run(server, "decrypt", "-", "-", given=cut)
    assert "throw it away" in refused(done)
    assert whole.startswith(done.stdout)
    assert len(done.stdout) < len(whole)


def test_a_file_of_another_vault_is_refused(server: LiveServer, encrypted: Path, tmp_path: Path) -> None:
    other = LiveServer(tmp_path / "other", cluster=False)
    other.make_place()
    other.manage("migrate", "--verbosity", "0")
    assert "ring does not hold" in refused(run(other, "decrypt", str(encrypted), str(tmp_path / "again")))
    assert not (tmp_path / "again").exists()
    other.close()


def test_a_back_up_is_no_operators_file(server: LiveServer, tmp_path: Path) -> None:
    server.manage("backup", str(tmp_path / "server.hvx"))
    assert "no sealed file" in refused(
        run(server, "decrypt", str(tmp_path / "server.hvx"), str(tmp_path / "x"))
    )


def test_a_file_that_is_there_is_replaced_only_when_that_is_asked_for(
    server: LiveServer, encrypted: Path, plain: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    there.write_text("precious")
    assert "--force replaces it" in refused(run(server, "decrypt", str(encrypted), str(there)))
    assert there.read_text() == "precious"
    assert run(server, "decrypt", str(encrypted), str(there), "--force").returncode == 0
    assert there.read_bytes() == plain.read_bytes()


def test_a_file_that_is_not_there_or_a_folder_that_is_not_is_named(
    server: LiveServer, plain: Path, tmp_path: Path
) -> None:
    assert "nowhere: No such file" in refused(run(server, "encrypt", str(tmp_path / "nowhere"), "-"))
    assert "No such file" in refused(run(server, "encrypt", str(plain), str(tmp_path / "no" / "folder")))


def test_what_was_encrypted_is_for_its_owner_alone_and_decrypts_to_the_same(
    server: LiveServer, encrypted: Path, plain: Path, tmp_path: Path
) -> None:
    assert b"planted" not in encrypted.read_bytes()
    assert encrypted.stat().st_mode & 0o777 == 0o600
    assert run(server, "decrypt", str(encrypted), str(tmp_path / "again")).returncode == 0
    assert (tmp_path / "again").read_bytes() == plain.read_bytes()
    assert (tmp_path / "again").stat().st_mode & 0o777 == 0o600


def test_pipes_work_at_both_ends(server: LiveServer) -> None:
    words = os.urandom(3 * CHUNK + 5)
    sealed = run(server, "encrypt", "-", "-", given=words).stdout
    assert run(server, "decrypt", "-", "-", given=sealed).stdout == words


def test_who_is_killed_while_decrypting_leaves_nothing_behind(server: LiveServer, tmp_path: Path) -> None:
    sealed = run(server, "encrypt", "-", "-", given=bytes(5 * CHUNK)).stdout
    folder = tmp_path / "out"
    folder.mkdir()
    process = subprocess.Popen(
        [*MANAGE, "vault", "file", "decrypt", "-", str(folder / "again")],
        env=server.env,
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(sealed[: 4 * CHUNK])
    process.stdin.flush()
    # It reads on until the rest comes, which never does: some of it is decrypted by then.
    deadline = time.monotonic() + 30
    while not _has_written(process.pid, folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert _has_written(process.pid, folder)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    assert list(folder.iterdir()) == []


def _has_written(pid: int, folder: Path) -> bool:
    """Whether the process has an open file in the folder, named or not, with something in it."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(descriptor).startswith(str(folder)) and descriptor.stat().st_size > 0:
                return True
        except FileNotFoundError:
            continue
    return False


def test_a_large_file_takes_no_more_memory_than_a_small_one(server: LiveServer, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert run(server, "encrypt", str(large), str(tmp_path / "sealed")).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    # Kilobytes, of the largest child so far: the ones before read small files.
    assert after - before < 50 * 1024

"""The processes of a real server: one dies, all die, two want one folder."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.live import MANAGE, REPOSITORY, LiveServer, free_port
from vault import control, lock

PATIENCE = 20.0


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.02)


def master_of(server: LiveServer) -> int:
    assert server.process is not None
    return server.process.pid


def children_of(server: LiveServer) -> list[int]:
    return [pid for pid in server.pids() if pid != master_of(server)]


def named(name: str, server: LiveServer) -> list[int]:
    """The children that run `hvx.serving.NAME`."""
    module = f"hvx.serving.{name}".encode()
    return [pid for pid in children_of(server) if module in _arguments(pid)]


def _arguments(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def answers(server: LiveServer) -> bool:
    try:
        return httpx.get(f"{server.url}/readyz", trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def serve(server: LiveServer, **env: str) -> subprocess.CompletedProcess[str]:
    """Another `manage.py serve` in a server's environment."""
    return subprocess.run(
        [*MANAGE, "serve"],
        env={**server.env, **env},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("name", ["worker", "background"])
def test_a_process_that_dies_is_replaced(fresh_server: LiveServer, name: str) -> None:
    [process] = named(name, fresh_server)
    os.kill(process, signal.SIGKILL)
    until(lambda: named(name, fresh_server) not in ([], [process]))
    until(lambda: answers(fresh_server))
    fresh_server.stop()
    log = fresh_server.log_path.read_text()
    assert f"A {name} process ended with status -9; another takes its place." in log


def test_when_the_master_is_killed_its_workers_end_at_once_and_the_next_server_starts(
    fresh_server: LiveServer,
) -> None:
    workers = children_of(fresh_server)
    assert len(workers) == 2
    os.kill(master_of(fresh_server), signal.SIGKILL)
    assert fresh_server.process is not None
    fresh_server.process.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    # What it could not take away with it is in nobody's way.
    assert (fresh_server.data_dir / lock.NAME).exists()
    fresh_server.process = None
    fresh_server.start()
    assert answers(fresh_server)


def test_a_server_that_starts_while_a_killed_one_still_holds_the_address_waits_for_it(
    fresh_server: LiveServer,
) -> None:
    [worker] = named("worker", fresh_server)
    os.kill(worker, signal.SIGSTOP)
    os.kill(master_of(fresh_server), signal.SIGKILL)
    assert fresh_server.process is not None
    fresh_server.process.wait()
    fresh_server.process = None
    fresh_server._spawn()
    until(lambda: lock.holder(fresh_server.data_dir) == master_of(fresh_server))
    os.kill(worker, signal.SIGCONT)
    fresh_server._wait_until_healthy()


def test_two_servers_on_one_folder_end_with_a_sentence_for_the_second(fresh_server: LiveServer) -> None:
    port = free_port()
    second = serve(fresh_server, HVX_LISTEN=f"127.0.0.1:{port}")
    assert second.returncode == 1
    assert second.stdout == ""
    [line] = second.stderr.splitlines()
    assert f"process {master_of(fresh_server)} already runs on {fresh_server.data_dir}" in line
    assert answers(fresh_server)
    assert control.outcome(fresh_server.data_dir, do="status")["state"] == "serving"


def test_nothing_is_left_in_the_folder_of_a_server_that_ended(fresh_server: LiveServer) -> None:
    fresh_server.stop()
    left = {path.name for path in fresh_server.data_dir.iterdir()}
    assert not left & {lock.NAME, control.NAME}


def test_a_server_whose_workers_cannot_listen_says_so_and_ends(fresh_server: LiveServer) -> None:
    fresh_server.stop()
    with socket.socket() as taken:
        # Bound and not listened on: with SO_REUSEADDR two may be, and the one who listens first wins.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", fresh_server.port))
        starting = subprocess.Popen(
            [*MANAGE, "serve"], env=fresh_server.env, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True
        )
        until(lambda: lock.holder(fresh_server.data_dir) == starting.pid)
        taken.listen()
        _, told = starting.communicate(timeout=PATIENCE)
    assert starting.returncode == 1
    assert f"HVX_LISTEN=127.0.0.1:{fresh_server.port}" in told
    assert "Traceback" not in told


def test_the_operators_socket_is_for_the_servers_user_alone_and_fits_a_folder_of_any_length(
    tmp_path: Path,
) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    with LiveServer(folder) as server:
        assert len(str(server.data_dir / control.NAME)) > 107
        assert (server.data_dir / control.NAME).stat().st_mode & 0o777 == 0o600
        status = control.outcome(server.data_dir, do="status")
        assert (status["state"], status["pid"]) == ("serving", master_of(server))


def test_a_server_without_a_key_of_its_own_is_not_opened_by_commands_where_none_runs(tmp_path: Path) -> None:
    for verb in ("seal", "unseal"):
        done = subprocess.run(
            [*MANAGE, "vault", verb],
            env={**os.environ, "HVX_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "hvx.settings"},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        assert f"no server runs on {tmp_path}" in done.stderr


def test_sealed_by_hand_a_server_with_a_key_file_opens_by_it_again(fresh_server: LiveServer) -> None:
    folder = fresh_server.data_dir
    assert control.outcome(folder, do="seal") == {"state": "sealed"}
    assert not answers(fresh_server)
    assert control.outcome(folder, do="seal") == {"state": "sealed"}
    (folder / "root.key").rename(folder / "elsewhere")
    refused = control.outcome(folder, do="unseal", by="itself")
    assert "root key" in refused["error"]
    (folder / "elsewhere").rename(folder / "root.key")
    assert control.outcome(folder, do="unseal", by="itself") == {"state": "serving"}
    assert answers(fresh_server)
    assert control.outcome(folder, do="unseal", by="itself")["state"] == "serving"


def test_a_sealed_process_that_dies_is_replaced(fresh_server: LiveServer) -> None:
    control.outcome(fresh_server.data_dir, do="seal")
    [child] = children_of(fresh_server)
    os.kill(child, signal.SIGKILL)
    until(lambda: children_of(fresh_server) not in ([], [child]))
    fresh_server._wait_until_healthy(status=503)
    fresh_server.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_start_ends_it_in_order(
    fresh_server: LiveServer, number: signal.Signals
) -> None:
    fresh_server.stop()
    fresh_server._spawn()
    until(lambda: len(fresh_server.pids()) > 1)
    pids = fresh_server.pids()
    process = fresh_server.process
    assert process is not None
    os.killpg(process.pid, number)
    assert process.wait(PATIENCE) == 0
    fresh_server.process = None
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert "Traceback" not in fresh_server.log_path.read_text()
    assert lock.holder(fresh_server.data_dir) is None


@pytest.mark.needs("postgres", "redis")
def test_two_servers_of_one_cluster_start_at_once_and_one_migrates(tmp_path: Path) -> None:
    first, second = (
        LiveServer(tmp_path / "first", cluster=True),
        LiveServer(tmp_path / "second", cluster=True),
    )
    shared = ("HVX_DATABASE_URL", "HVX_REDIS_URL", "HVX_ORIGIN")
    second.env |= {name: first.env[name] for name in shared}
    try:
        (tmp_path / "first").mkdir()
        first.make_place()
        first.manage("vault", "init")
        shutil.copytree(first.data_dir, second.data_dir)
        for server in (first, second):
            server._spawn("--migrate")
        for server in (first, second):
            server._wait_until_healthy()
            assert answers(server)
        assert control.outcome(first.data_dir, do="seal") == {"state": "sealed"}
        assert answers(second), "each is sealed by itself"
    finally:
        second.close()
        first.close()

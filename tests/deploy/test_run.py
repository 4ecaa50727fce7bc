"""`make run`, as an operator types it and ends it."""

import os
import signal
import subprocess
from pathlib import Path

import httpx

from tests.live import REPOSITORY, free_port, wait_for_port


def environment(data_dir: Path, port: int) -> dict[str, str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("HVX_", "MAKE", "DJANGO_"))
    }
    return clean | {
        "HVX_DATA_DIR": str(data_dir),
        "HVX_LISTEN": f"127.0.0.1:{port}",
        "HVX_ORIGIN": f"http://localhost:{port}",
    }


def make_run_and_interrupt(data_dir: Path, port: int) -> str:
    """Types `make run`, waits until it is healthy, types Ctrl-C; gives what stood on the terminal."""
    with subprocess.Popen(
        ["make", "--no-print-directory", "run"],
        cwd=REPOSITORY,
        env=environment(data_dir, port),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as make:
        try:
            wait_for_port(port, make)
            assert httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
        finally:
            # A terminal sends the signal to the whole group, which is the one made above.
            os.killpg(make.pid, signal.SIGINT)
        shown, _ = make.communicate(timeout=15)
    text = shown.decode()
    assert f"http://localhost:{port}" in text
    return text


def test_make_run_starts_a_healthy_server_and_ctrl_c_ends_it_cleanly_twice(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    port = free_port()
    for _ in range(2):
        text = make_run_and_interrupt(data_dir, port)
        assert "Traceback" not in text
        assert "Error" not in text
    assert data_dir.stat().st_mode & 0o077 == 0
    assert (data_dir / "root.key").stat().st_mode & 0o777 == 0o600


def test_a_setting_that_cannot_work_stops_the_start_and_says_what_to_set(tmp_path: Path) -> None:
    done = subprocess.run(
        ["scripts/run.sh"],
        cwd=REPOSITORY,
        env=environment(tmp_path / "data", free_port()) | {"HVX_WORKERS": "2"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "HVX_REDIS_URL" in done.stderr

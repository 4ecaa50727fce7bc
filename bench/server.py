"""Servers under measurement: real processes on loopback ports, alike in all but what is compared."""

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.live import MANAGE, REPOSITORY, LiveServer

# Not where the servers listen: so one filled database, and its tokens, serve all of them.
ORIGIN = "http://bench.localhost"


class BenchServer(LiveServer):
    """`command` starts it; `{port}` in it stands for the port. `filled` is a data folder to copy."""

    def __init__(
        self,
        folder: Path,
        *,
        command: Sequence[str] = (*MANAGE, "serve"),
        filled: Path | None = None,
        env: Mapping[str, str] | None = None,
        cluster: bool = False,
    ) -> None:
        folder.mkdir()
        env = {"DJANGO_SETTINGS_MODULE": "bench.settings", "HVX_ORIGIN": ORIGIN, **(env or {})}
        super().__init__(folder, env=env, cluster=cluster, new=True)
        self.command = [word.format(port=self.port) for word in command]
        if filled is not None:
            shutil.copytree(filled, self.data_dir)

    def start(self) -> None:
        self.prepare()
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.env,
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_healthy()

    def fill(self, accounts: int) -> str:
        """Run bench.fill before the start; its JSON."""
        return self.run_module("bench.fill", str(accounts))

    def run_module(self, name: str, *arguments: str, stdin: str | None = None) -> str:
        """Run a module in the server's environment; its output."""
        self.prepare()
        return subprocess.run(
            [sys.executable, "-m", name, *arguments],
            env=self.env,
            cwd=REPOSITORY,
            input=stdin,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    @classmethod
    def granian(cls, folder: Path, *, filled: Path) -> Self:
        """The same application under granian: one worker, its WebSockets, no access log."""
        return cls(
            folder,
            filled=filled,
            command=(
                *(sys.executable, "-m", "granian", "--interface", "asgi", "--workers", "1"),
                *("--host", "127.0.0.1", "--port", "{port}", "--log-level", "warning"),
                "bench.asgi:application",
            ),
        )

    @classmethod
    def uvicorn(cls, folder: Path, *, application: str, filled: Path) -> Self:
        """An application of bench.asgi under uvicorn, set as `manage.py serve` sets it."""
        return cls(
            folder,
            filled=filled,
            command=(
                *(sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}"),
                *("--no-access-log", "--log-level", "warning", f"bench.asgi:{application}"),
            ),
        )

    def cpu_seconds(self) -> float:
        """CPU time that the server's processes have used, to the nanosecond."""
        return sum(time.clock_gettime(_cpu_clock(pid)) for pid in _family(self._running().pid))

    def memory(self) -> tuple[int, int]:
        """Bytes that the server's processes have in memory: each page once (PSS), and summed (RSS)."""
        found = {"Pss": 0, "Rss": 0}
        for pid in _family(self._running().pid):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name, _, rest = line.partition(":")
                if name in found:
                    found[name] += int(rest.split()[0]) * 1024
        return found["Pss"], found["Rss"]


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(grandchild for child in children for grandchild in _family(int(child)))]


def _cpu_clock(pid: int) -> int:
    """The clock of another process's CPU time, as clock_getcpuclockid(3) makes it on Linux."""
    return (~pid << 3) | 2

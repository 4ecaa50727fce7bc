"""A real server: `manage.py serve` in a process of its own, on a free loopback port.

The same class serves tests, demo and benchmarks, so it imports neither pytest nor Django.
"""

import atexit
import functools
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import httpx

from tests.components import cluster_mode, redis_url_of_server
from vault import control

REPOSITORY = Path(__file__).resolve().parent.parent
MANAGE = [sys.executable, str(REPOSITORY / "manage.py")]
START_TIMEOUT = 60.0
STOP_TIMEOUT = 10.0

# What says where and how a server's data are kept: who sets one of them has a place unlike all others.
_OF_THE_PLACE = frozenset(
    ("HVX_DATA_DIR", "HVX_DATABASE_URL", "HVX_DATABASE_ENCRYPTION", "HVX_ROOT_KEY_FILE")
)

_server_count = itertools.count()


class ServerFailed(AssertionError):
    """The server did not start or did not end as it must; carries the end of its log."""


def free_port() -> int:
    """A loopback port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], timeout: float = START_TIMEOUT) -> None:
    """Returns when something listens on the loopback port; raises if the process ends before that."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerFailed(f"{process.args!r} ended with {process.returncode} before it listened")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise ServerFailed(f"{process.args!r} does not listen on {port} after {timeout:.0f} s")


class LiveServer:
    """A server with a data folder, port and (in cluster mode) databases of its own.

    `folder` holds `data/` and `server.log`. `env` overrides the server's environment. `url` is
    where it listens; `origin` is the same unless `env` says otherwise. `cluster` puts it on
    PostgreSQL and Redis (the test then needs both) or takes it off, whatever the suite runs on.
    As a context manager it starts on entering; on leaving it stops whatever still runs and
    takes its PostgreSQL database away. `stop()` or `kill()` and then `start()` come back on
    the same folder and port.

    It begins as a copy of a place that was migrated once for this process, which spares seconds: nothing
    in there names a server, for the origin comes in with the first start. All copies have one vault, so
    of servers that must not open each other's, one is `new`: that one migrates at its first start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        cluster: bool | None = None,
        new: bool = False,
    ) -> None:
        self.port = free_port()
        self.host = f"localhost:{self.port}"
        self.url = f"http://{self.host}"
        self.data_dir = folder / "data"
        self.log_path = folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.database_url = ""
        self.redis_url = ""
        if cluster_mode() if cluster is None else cluster:
            self.redis_url = redis_url_of_server(next(_server_count))
            self.database_url = _with_database(
                os.environ["HVX_TEST_POSTGRES_URL"], f"hvx_live_{secrets.token_hex(6)}"
            )
        # None of the developer's own settings reaches the server.
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("HVX_")}
        self.env |= {
            "DJANGO_SETTINGS_MODULE": "hvx.settings",
            "PYTHONUNBUFFERED": "1",
            "HVX_ORIGIN": self.url,
            "HVX_LISTEN": f"127.0.0.1:{self.port}",
            # All people of all tests come from one address.
            "HVX_REGISTRATIONS_PER_HOUR": "100000",
            "HVX_DATA_DIR": str(self.data_dir),
            "HVX_DATABASE_URL": self.database_url,
            "HVX_REDIS_URL": self.redis_url,
        }
        self.env |= dict(env or {})
        self.origin = self.env["HVX_ORIGIN"]
        self._new = new or not _OF_THE_PLACE.isdisjoint(env or {})
        self._prepared = False

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def manage(self, *arguments: str, stdin: str | None = None) -> str:
        """Runs `manage.py` with these arguments in the server's environment; gives its output."""
        done = subprocess.run(
            [*MANAGE, *arguments], env=self.env, cwd=REPOSITORY, input=stdin, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise ServerFailed(f"manage.py {arguments[0]} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def start(self) -> None:
        """Starts the server and returns once all its processes serve. A new one migrates first."""
        if self._new and not self._prepared:
            self.make_place()
            self._spawn("--migrate")
        else:
            self.prepare()
            self._spawn()
        self._wait_until_healthy()
        self._wait_until_serving()

    def start_sealed(self, *options: str) -> None:
        """Starts the server and returns when GET /healthz answers 503: nothing opens its vault by itself."""
        self._spawn(*options)
        self._wait_until_healthy(status=503)

    def _spawn(self, *options: str) -> None:
        assert self.process is None, "the server runs already"
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*MANAGE, "serve", *options],
                env=self.env,
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        """SIGTERM; asserts that the server closes down by itself, in order, in ten seconds."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"no end {STOP_TIMEOUT:.0f} s after SIGTERM\n{self._log_end()}") from None
        self.process = None
        # uvicorn shuts down in order and then hands the signal on, so that its sender sees it taken.
        if status not in (0, -signal.SIGTERM):
            raise ServerFailed(f"ended with status {status} after SIGTERM\n{self._log_end()}")

    def kill(self) -> None:
        """SIGKILL to every process of the server, as a power cut would end them."""
        process = self._running()
        # The group is the one that start() made for this server: start_new_session above.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.process = None

    def pids(self) -> list[int]:
        """Every process of the server: its group, which start() made."""
        group = self._running().pid
        return [
            int(path.name)
            for path in Path("/proc").iterdir()
            if path.name.isdecimal() and _group_of(path) == group
        ]

    def close(self) -> None:
        """Ends what still runs and removes the PostgreSQL database."""
        if self.process is not None:
            if self.process.poll() is None:
                self.kill()
            self.process = None
        if self.database_url and self._prepared:
            _administer(self.database_url, 'DROP DATABASE IF EXISTS "{}" WITH (FORCE)')
            self._prepared = False

    def make_place(self) -> None:
        """Makes an empty data folder and an empty database, and leaves them so: to restore into."""
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._make_databases("template1")

    def prepare(self) -> None:
        """Makes a place that is migrated and has never served, unless there is one."""
        if self._prepared:
            return
        if self._new:
            self.make_place()
            self.manage("migrate", "--no-input", "--verbosity", "0")
            return
        migrated = _migrated(cluster=bool(self.database_url))
        shutil.copytree(migrated.data_dir, self.data_dir)
        self._make_databases(urlsplit(migrated.database_url).path.lstrip("/"))

    def _make_databases(self, template: str) -> None:
        if self.database_url:
            _administer(self.database_url, f'CREATE DATABASE "{{}}" TEMPLATE "{template}"')
        if self.redis_url:
            _flush(self.redis_url)
        self._prepared = True

    def _running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "the server does not run"
        return self.process

    def _wait_until_healthy(self, *, status: int = 200) -> None:
        process = self._running()
        deadline = time.monotonic() + START_TIMEOUT
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=2, trust_env=False) as http:
            while time.monotonic() < deadline:
                if process.poll() is not None:
                    self.process = None
                    raise ServerFailed(f"ended at start with {process.returncode}\n{self._log_end()}")
                try:
                    if http.get("/healthz").status_code == status:
                        return
                except httpx.TransportError:
                    pass
                time.sleep(0.05)
        self.kill()
        raise ServerFailed(f"not healthy after {START_TIMEOUT:.0f} s\n{self._log_end()}")

    def _wait_until_serving(self) -> None:
        """A worker answers before the background is ready: that is no start yet, and a process that dies
        then ends it."""
        deadline = time.monotonic() + START_TIMEOUT
        while control.outcome(Path(self.env["HVX_DATA_DIR"]), do="status")["state"] != "serving":
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"not serving after {START_TIMEOUT:.0f} s\n{self._log_end()}")
            time.sleep(0.02)

    def _log_end(self) -> str:
        return self.log_path.read_text(errors="replace")[-4000:] if self.log_path.exists() else "(no log)"


@functools.cache
def _migrated(*, cluster: bool) -> LiveServer:
    """The place that others are copies of. Nothing runs on it, and it goes when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="hvx-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = LiveServer(folder, cluster=cluster, new=True)
    atexit.register(server.close)
    server.prepare()
    return server


def _group_of(process: Path) -> int | None:
    try:
        # Behind the program's name in brackets: state, parent, group.
        return int((process / "stat").read_text().rpartition(")")[2].split()[2])
    except (FileNotFoundError, ProcessLookupError):
        return None


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _administer(url: str, statement: str) -> None:
    import psycopg

    name = urlsplit(url).path.lstrip("/")
    with psycopg.connect(_with_database(url, "postgres"), autocommit=True) as connection:
        connection.execute(statement.format(name).encode())


def _flush(url: str) -> None:
    import redis

    with redis.Redis.from_url(url) as connection:
        connection.flushdb()

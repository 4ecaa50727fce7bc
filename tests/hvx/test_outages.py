"""A real server whose PostgreSQL restarts, or whose Redis hangs."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.live import LiveServer, free_port, wait_for_port
from tests.people import Handset, LiveWire, Person

PATH = "/ws/keyexchange"
CONNECTIONS_TRIED = 12
"""More calls than the pool may hold connections at the start, so that each broken one would be met."""


@contextlib.contextmanager
def registered(server: LiveServer) -> Iterator[Person]:
    wire = LiveWire(server.url, server.origin)
    person = Person(wire)
    person.register().expect(201)
    yield person
    wire.close()


def headers_of(handset: Handset) -> dict[str, str]:
    handset.call("GET", "instance")
    return {"Authorization": f"Bearer {handset.token}", "DPoP": handset.proof("GET", PATH)}


def open_socket(server: LiveServer, headers: dict[str, str]) -> ClientConnection:
    """The socket once the server has completed its upgrade, which it must."""
    return connect(
        f"ws://{server.host}{PATH}",
        additional_headers=headers,
        subprotocols=["hvx.keyexchange.v1"],  # type: ignore[list-item]
        proxy=None,
    )


@pytest.mark.needs("postgres", "redis")
def test_a_restart_of_postgresql_costs_no_refusal(tmp_path: Path) -> None:
    with LiveServer(tmp_path, cluster=True) as server, registered(server) as person:
        person.handset.call("GET", "me").expect(200)
        with psycopg.connect(server.database_url, autocommit=True) as postgres:
            ended = postgres.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchall()
        assert ended
        with open_socket(server, headers_of(person.handset)) as socket:
            assert '"hello"' in socket.recv(timeout=10)
        for _ in range(CONNECTIONS_TRIED):
            person.handset.call("GET", "me").expect(200)


class OwnRedis:
    """A Redis that a test may stop as it likes."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        arguments = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder), "--save", ""]
        self.process = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    redis = OwnRedis(tmp_path)
    yield redis
    redis.end()


@pytest.mark.needs("redis")
def test_while_redis_hangs_nobody_waits_long_and_sockets_are_told_why(
    tmp_path: Path, own_redis: OwnRedis
) -> None:
    with (
        LiveServer(tmp_path, cluster=False, env={"HVX_REDIS_URL": own_redis.url}) as server,
        registered(server) as person,
        open_socket(server, headers_of(person.handset)) as before,
    ):
        assert '"hello"' in before.recv(timeout=10)
        headers = headers_of(person.handset)
        with own_redis.hanging():
            began = time.monotonic()
            assert httpx.get(server.url + "/healthz", trust_env=False).status_code == 200
            assert time.monotonic() - began < 1
            with open_socket(server, headers) as socket, pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=10)
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "storage_unavailable")
            # By now the second is over whose nonce this process remembers.
            began = time.monotonic()
            answer = httpx.get(server.url + "/api/hvx/v1/me", headers=headers, trust_env=False, timeout=10)
            assert answer.status_code == 200
            assert time.monotonic() - began < 4
        # The socket that was open has outlived it, and so does the server.
        before.send("no frame")
        assert '"bad_frame"' in before.recv(timeout=10)
        with open_socket(server, headers_of(person.handset)) as after:
            assert '"hello"' in after.recv(timeout=10)

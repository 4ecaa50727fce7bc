"""Servers to back up and places to restore into."""

import subprocess
from pathlib import Path

from tests.live import MANAGE, REPOSITORY, LiveServer
from tests.people import LiveWire, Person

REFUSAL_TIMEOUT = 60.0
"""Whoever serves instead of refusing does not end by itself."""


class Refused(AssertionError):
    """A command that did its work although it must not."""


def refusal(server: LiveServer, *arguments: str) -> str:
    """What `manage.py` says on standard error when it refuses."""
    done = subprocess.run(
        [*MANAGE, *arguments],
        env=server.env,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=REFUSAL_TIMEOUT,
    )
    if done.returncode == 0:
        raise Refused(f"manage.py {' '.join(arguments)} did not refuse:\n{done.stdout}")
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def place(folder: Path, like: LiveServer | None = None, *, cluster: bool = False) -> LiveServer:
    """An empty place for a server, under the origin of another one."""
    folder.mkdir(parents=True, exist_ok=True)
    env = {"HVX_ORIGIN": like.origin} if like else {}
    server = LiveServer(folder, env=env, cluster=cluster)
    server.make_place()
    return server


def begun(folder: Path, *, cluster: bool = False) -> LiveServer:
    """A place that is migrated and has never served, for tests that are not about how it came to be.

    All of them have one vault (tests/live.py): what tells two servers apart wants two of `place`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = LiveServer(folder, cluster=cluster)
    server.prepare()
    return server


def key_file(server: LiveServer) -> Path:
    return server.data_dir / "root.key"


def restore(back_up: Path, origin: LiveServer, target: LiveServer) -> str:
    return target.manage("restore", str(back_up), "--root-key-file", str(key_file(origin)))


def moved(person: Person, server: LiveServer) -> LiveWire:
    """Has a person speak to another server that has the same origin."""
    wire = LiveWire(server.url, server.origin)
    person.wire = person.handset.wire = wire
    person.handset.nonce = None
    return wire


def contents(folder: Path) -> list[str]:
    """What is in a data folder, but for lock, record of attempts, and drafts of who was killed."""
    passing = ("serve.lock", "unseal-attempts.jsonl", "unseal-attempts.lock")
    return sorted(path.name for path in folder.iterdir() if path.name not in passing and path.name[0] != ".")

"""What a restore sees to before it commits: keys point to something, and destroyed keys stay refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hvx.backup.places import begun, key_file, place, refusal, restore
from tests.live import LiveServer, ServerFailed


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[LiveServer]:
    server = begun(tmp_path / "origin", cluster=False)
    yield server
    server.close()


@pytest.fixture(
    params=[
        pytest.param(False, id="SQLite"),
        pytest.param(True, id="PostgreSQL", marks=pytest.mark.needs("postgres", "redis")),
    ]
)
def target(request: pytest.FixtureRequest, tmp_path: Path, origin: LiveServer) -> Iterator[LiveServer]:
    server = place(tmp_path / "target", origin, cluster=request.param)
    yield server
    server.close()


def run(server: LiveServer, *lines: str) -> str:
    return server.manage("shell", "--no-imports", "--command", "\n".join(lines)).strip()


def test_a_row_whose_key_points_to_nothing_is_refused(
    origin: LiveServer, target: LiveServer, tmp_path: Path
) -> None:
    run(
        origin,
        "from uuid import uuid4",
        "from accounts.models import KeyTransition",
        "from django.db import connection",
        "connection.cursor().execute('PRAGMA foreign_keys = OFF')",
        "KeyTransition.objects.create(account_id=uuid4(), challenge=b'')",
    )
    origin.manage("backup", str(tmp_path / "b.hvx"))
    named = ["--root-key-file", str(key_file(origin))]
    said = refusal(target, "restore", str(tmp_path / "b.hvx"), *named, "--despite-faults")
    assert "the database refuses the back-up (IntegrityError)" in said


def test_values_under_keys_that_were_destroyed_are_refused_after_a_restore_too(
    origin: LiveServer, target: LiveServer, tmp_path: Path
) -> None:
    origin.manage("rotate_token_key")
    older = run(
        origin,
        "from devices.models import TokenKey",
        "from vault import rotation",
        "print(TokenKey.objects.values_list('private', flat=True).get().hex())",
        "rotation.rotate(wait=lambda seconds: None)",
    )
    origin.manage("backup", str(tmp_path / "b.hvx"))
    restore(tmp_path / "b.hvx", origin, target)
    put = (
        "from django.db import connection",
        f"value = [bytes.fromhex('{older}')]",
        "connection.cursor().execute('UPDATE devices_tokenkey SET private = %s', value)",
    )
    with pytest.raises(ServerFailed, match="sealed under a retired key"):
        run(target, *put)
    target.manage("migrate", "--verbosity", "0")
    target.start()

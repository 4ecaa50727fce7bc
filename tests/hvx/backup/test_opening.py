"""What opens a back-up, and what is restored though it was damaged before."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hvx.backup.places import begun, contents, key_file, place
from tests.live import MANAGE, REPOSITORY, LiveServer

PASSPHRASE = "several planted words in a row"

DAMAGE = """
from accounts.models import Account
from django.db import connection
with connection.cursor() as cursor:
    {statement}
"""


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[LiveServer]:
    server = begun(tmp_path / "origin")
    server.manage("invite")
    yield server
    server.close()


@pytest.fixture
def target(tmp_path: Path, origin: LiveServer) -> Iterator[LiveServer]:
    server = place(tmp_path / "target", origin)
    yield server
    server.close()


def run(server: LiveServer, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MANAGE, *arguments],
        env=server.env,
        cwd=REPOSITORY,
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_back_up_of_a_vault_with_a_passphrase_opens_by_it_alone(
    origin: LiveServer, target: LiveServer, tmp_path: Path
) -> None:
    origin.manage("vault", "rewrap", "--passphrase", "--stdin", stdin=f"{PASSPHRASE}\n")
    key_file(origin).unlink(missing_ok=True)
    back_up = tmp_path / "b.hvx"
    assert run(origin, "backup", str(back_up)).returncode != 0
    made = run(origin, "backup", str(back_up), "--stdin", given=f"{PASSPHRASE}\n")
    assert made.returncode == 0, made.stderr
    assert "opens as the vault does now: by passphrase" in made.stdout

    asked = run(target, "restore", str(back_up))
    assert "nobody can be asked" in asked.stderr
    wrong = run(target, "restore", str(back_up), "--stdin", given="another passphrase\n")
    assert "this passphrase does not open the vault" in wrong.stderr
    assert contents(target.data_dir) == []
    done = run(target, "restore", str(back_up), "--stdin", given=f"{PASSPHRASE}\n")
    assert done.returncode == 0, done.stderr
    assert contents(target.data_dir) == ["audit.head", "hvx.sqlite3", "vault.json"]
    assert PASSPHRASE not in made.stdout + made.stderr + done.stdout + done.stderr


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        pytest.param(
            "cursor.execute(\"UPDATE devices_tokenkey SET private = X'00'\")",
            "devices_tokenkey.private of",
            id="a sealed value",
        ),
        pytest.param(
            "cursor.execute('DROP TRIGGER audit_row_update');"
            "cursor.execute(\"UPDATE audit_auditrow SET event = 'login' WHERE event = 'invite_made'\")",
            "the row is not the one that was written",
            id="a row of the audit",
        ),
    ],
)
def test_what_was_damaged_before_is_told_and_restored_only_when_that_is_asked_for(
    statement: str, fault: str, origin: LiveServer, target: LiveServer, tmp_path: Path
) -> None:
    origin.manage("rotate_token_key")
    origin.manage("shell", "--no-imports", "--command", DAMAGE.format(statement=statement))
    back_up = tmp_path / "b.hvx"
    origin.manage("backup", str(back_up))
    named = ["--root-key-file", str(key_file(origin))]
    refused = run(target, "restore", str(back_up), *named)
    assert refused.returncode != 0
    assert fault in refused.stderr
    assert "--despite-faults restores it as it is" in refused.stderr
    done = run(target, "restore", str(back_up), *named, "--despite-faults")
    assert done.returncode == 0, done.stderr
    assert fault in done.stderr
    assert contents(target.data_dir) == ["audit.head", "hvx.sqlite3", "root.key", "vault.json"]

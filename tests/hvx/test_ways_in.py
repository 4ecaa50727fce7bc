"""Commands on a vault that no machine opens, and in places where nothing is."""

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hvx.backup.places import begun, contents, place, refusal
from tests.live import MANAGE, REPOSITORY, LiveServer

PASSPHRASE = "several planted words in a row"


@pytest.fixture(scope="module")
def by_people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that does not run, whose vault opens by a passphrase alone."""
    server = place(tmp_path_factory.mktemp("people"))
    given = f"{PASSPHRASE}\n"
    server.manage("vault", "init", "--protect", "passphrase", "--stdin", stdin=given)
    server.manage("migrate", "--verbosity", "0", "--stdin", stdin=given)
    yield server
    server.close()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["invite"], ""),
        (["rotate_token_key"], "now signed by"),
        (["audit", "verify"], "whole"),
        (["audit", "show"], "migration_applied"),
        (["vault", "rotate-data"], "Nothing stands under an older key"),
        (["migrate"], "No migrations to apply"),
        (["vault", "encrypt-database"], "is encrypted already"),
    ],
)
def test_a_script_brings_what_opens_the_vault_to_every_command(
    by_people: LiveServer, command: list[str], says: str
) -> None:
    told = refusal(by_people, *command)
    assert "at a terminal, or by --stdin or --fd" in told or "see --stdin and --fd" in told
    assert "vault unseal" not in told
    assert says in by_people.manage(*command, "--stdin", stdin=f"{PASSPHRASE}\n")


def test_a_command_that_is_run_every_night_fills_no_record_of_attempts(
    by_people: LiveServer, tmp_path: Path
) -> None:
    def pending() -> int:
        return int(json.loads(by_people.manage("vault", "status", "--json"))["attempts_not_in_audit"])

    given = f"{PASSPHRASE}\n"
    for number in range(2):
        by_people.manage("backup", str(tmp_path / f"{number}.hvx"), "--stdin", stdin=given)
        assert pending() == 0
    refusal(by_people, "audit", "verify")
    shown = by_people.manage("audit", "show", "--event", "vault_unseal_attempt", "--stdin", stdin=given)
    assert "kind=passphrase outcome=opened" in shown


# --- where nothing is


@pytest.mark.parametrize(
    "command",
    [
        ["invite"],
        ["rotate_token_key"],
        ["audit", "verify"],
        ["audit", "show"],
        ["serve"],
        ["vault", "rotate-data"],
        ["shell", "--command", "from accounts.models import Account; Account.objects.count()"],
        ["migrate", "--plan"],
    ],
)
@pytest.mark.parametrize("encryption", ["on", "off"])
def test_in_an_empty_place_a_command_makes_nothing(
    command: list[str], encryption: str, tmp_path: Path
) -> None:
    server = place(tmp_path / "wrong")
    server.env["HVX_DATABASE_ENCRYPTION"] = encryption
    told = refusal_of_a_program(server, *command)
    assert "nothing is here" in told
    assert "Is HVX_DATA_DIR right?" in told
    assert contents(server.data_dir) == []


def refusal_of_a_program(server: LiveServer, *arguments: str) -> str:
    """As `refusal`, but what the operator's own program raises in `shell` is told as it is."""
    done = subprocess.run(
        [*MANAGE, *arguments], env=server.env, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    return done.stderr


def test_whoever_begins_a_server_is_told_of_the_key_file(tmp_path: Path) -> None:
    server = place(tmp_path / "new")
    done = subprocess.run(
        [*MANAGE, "migrate", "--verbosity", "0"],
        env=server.env,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    [line] = [line for line in done.stderr.splitlines() if "A vault was made" in line]
    assert str(server.data_dir / "vault.json") in line
    assert f"It opens by {server.data_dir / 'root.key'}: keep a copy of that in another place" in line
    again = subprocess.run(
        [*MANAGE, "migrate"], env=server.env, cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert "A vault was made" not in again.stderr


def test_a_first_start_tells_of_the_key_file(tmp_path: Path) -> None:
    server = place(tmp_path / "first")
    server._spawn("--migrate")
    try:
        server._wait_until_healthy()
    finally:
        server.stop()
    assert "A vault was made" in server.log_path.read_text()


# --- a rotation that is watched


def test_a_person_sees_no_table_without_rows_and_what_is_waited_for(tmp_path: Path) -> None:
    server = begun(tmp_path / "watched")
    server.manage("rotate_token_key")
    ours, theirs = pty.openpty()
    env = {**server.env, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [*MANAGE, "vault", "rotate-data"], env=env, cwd=REPOSITORY, stdin=theirs, stdout=theirs, stderr=theirs
    ):
        os.close(theirs)
        said = b""
        try:
            while read := os.read(ours, 65536):
                said += read
        except OSError:  # a terminal whose other side has closed
            pass
        os.close(ours)
    told = said.decode()
    assert "devices_tokenkey" in told
    assert "accounts_account " not in told
    assert "until every server seals under the new key" in told
    assert "the older keys are destroyed" in told

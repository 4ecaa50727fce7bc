"""`manage.py migrate` and the start: held to the list and to the audit, after a back-up."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.migrations.recorder import MigrationRecorder
from pytest_django.fixtures import Settings

from hvx.backup import automatic, making
from tests.hvx.backup.places import REFUSAL_TIMEOUT, begun, key_file, place, refusal
from tests.live import REPOSITORY, LiveServer

ROOMS = ("hvx", "activitypub", "keyexchange", "accounts", "devices", "vault", "audit")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    live = place(tmp_path / "server")
    yield live
    live.close()


@pytest.fixture
def migrated(tmp_path: Path) -> Iterator[LiveServer]:
    live = begun(tmp_path / "server")
    yield live
    live.close()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A copy of the program, to be changed."""
    copy = tmp_path / "program"
    for room in ROOMS:
        shutil.copytree(REPOSITORY / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "manage.py", copy)
    return copy


def said_by(program: Path, server: LiveServer, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(program / "manage.py"), *arguments],
        env=server.env,
        cwd=program,
        capture_output=True,
        text=True,
        check=False,
        timeout=REFUSAL_TIMEOUT,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def back_ups(server: LiveServer) -> list[Path]:
    return sorted((server.data_dir / automatic.FOLDER).glob("*"))


def test_a_changed_migration_is_not_applied(program: Path, server: LiveServer) -> None:
    with (program / "devices/migrations/0001_initial.py").open("a") as file:
        file.write("\n# one more thing\n")
    assert "devices.0001_initial is changed" in said_by(program, server, "migrate")
    server.manage("migrate", "--verbosity", "0")
    assert "devices.0001_initial is changed" in said_by(program, server, "serve")


@pytest.mark.parametrize("command", ["migrate", "serve"])
def test_an_unknown_migration_is_not_even_imported(command: str, program: Path, server: LiveServer) -> None:
    (program / "devices/migrations/0000_first.py").write_text("raise SystemExit('it ran')\n")
    said = said_by(program, server, command)
    assert "devices.0000_first is unknown" in said
    assert "it ran" not in said


def test_a_database_is_backed_up_before_it_is_migrated_and_the_back_up_brings_it_back(
    server: LiveServer, tmp_path: Path
) -> None:
    server.manage("migrate", "--verbosity", "0")
    assert back_ups(server) == []
    server.manage("invite")
    server.manage("migrate", "--verbosity", "0")
    assert back_ups(server) == []
    server.manage("migrate", "hvx", "zero", "--verbosity", "0")
    [whole] = back_ups(server)
    server.manage("migrate", "--verbosity", "0")
    [_, before] = back_ups(server)
    server.manage("migrate", "--verbosity", "0")
    assert back_ups(server) == [whole, before]

    # Of the state before something was taken back: all of it is there.
    target = place(tmp_path / "whole", server)
    target.manage("restore", str(whole), "--root-key-file", str(key_file(server)))
    target.start()
    target.close()

    # Of the state before: one migration is missing, and the next `migrate` applies it.
    target = place(tmp_path / "target", server)
    target.manage("restore", str(before), "--root-key-file", str(key_file(server)))
    assert "1 migrations are not applied" in refusal(target, "serve")
    target.manage("migrate", "--verbosity", "0")
    target.start()
    target.close()


def test_who_says_so_migrates_without_a_back_up(migrated: LiveServer) -> None:
    migrated.manage("migrate", "hvx", "zero", "--verbosity", "0", "--no-backup")
    migrated.manage("migrate", "--verbosity", "0", "--no-backup")
    assert back_ups(migrated) == []


def test_where_no_back_up_can_be_made_nothing_is_migrated(migrated: LiveServer) -> None:
    migrated.manage("migrate", "hvx", "zero", "--verbosity", "0", "--no-backup")
    (migrated.data_dir / automatic.FOLDER).write_text("a file in the folder's place")
    assert "no back-up, so no migrating" in refusal(migrated, "migrate")
    assert "1 migrations are not applied" in refusal(migrated, "serve")


def test_a_server_whose_applied_migrations_were_tampered_with_does_not_start(migrated: LiveServer) -> None:
    forge(migrated, "R(connection).record_applied('accounts', '0099_back_door')")
    for command in ("serve", "migrate"):
        assert "accounts.0099_back_door is applied, and the audit does not know" in refusal(migrated, command)
    migrated.manage("migrate", "--verbosity", "0", "--acknowledge", "accounts.0099_back_door")
    migrated.manage("migrate", "--verbosity", "0")


def forge(server: LiveServer, *statements: str) -> None:
    head = (
        "from django.db import connection",
        "from django.db.migrations.recorder import MigrationRecorder as R",
        "from tests.audit.emptying import remove_triggers, unguarded",
        "from audit.models import AuditChain, AuditRow",
        "cursor = connection.cursor()",
    )
    server.manage("shell", "--no-imports", "--command", "\n".join([*head, *statements]))


def test_where_something_is_strange_nothing_is_migrated_first(migrated: LiveServer) -> None:
    migrated.manage("migrate", "hvx", "zero", "--verbosity", "0", "--no-backup")
    forge(migrated, "R(connection).record_applied('accounts', '0099_back_door')")
    before = migrated.manage("showmigrations", "hvx")
    assert "[ ] 0001_initial" in before
    assert "accounts.0099_back_door is applied" in refusal(migrated, "migrate")
    assert migrated.manage("showmigrations", "hvx") == before
    assert back_ups(migrated) == []


EMPTYING = (
    "with unguarded():",
    "    AuditRow.objects.all().delete()",
    "    AuditChain.objects.all().delete()",
)
DROPPING = (
    "for table in ('audit_auditrow', 'audit_auditchain'):",
    "    cursor.execute(f'DROP TABLE {table}')",
    "R(connection).migration_qs.filter(app='audit').delete()",
)


def test_an_emptied_audit_makes_no_forged_migration_genuine(migrated: LiveServer) -> None:
    forge(migrated, *EMPTYING, "R(connection).record_applied('accounts', '0099_evil')")
    for command in (["serve", "--migrate"], ["migrate"], ["serve", "--migrate"]):
        assert "the audit knows of none: it was emptied" in refusal(migrated, *command)
    assert "this version has no accounts.0099_evil" in refusal(migrated, "migrate", "--acknowledge", "all")
    migrated.manage("migrate", "--acknowledge", "all", "--acknowledge", "accounts.0099_evil")
    migrated.manage("migrate")


def test_an_audit_that_was_taken_away_with_its_tables_makes_no_history_right(migrated: LiveServer) -> None:
    forge(migrated, *DROPPING)
    for command in (["serve", "--migrate"], ["migrate"], ["serve", "--migrate"]):
        assert "the audit knows of none: it was emptied" in refusal(migrated, *command)
    migrated.manage("migrate", "--acknowledge", "all")
    migrated.manage("migrate")


def test_only_the_newest_back_ups_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    made: list[Path] = []

    def make(path: Path, **_: object) -> None:
        path.write_bytes(b"")
        made.append(path)

    settings.HVX_DATA_DIR = tmp_path
    monkeypatch.setattr(automatic, "_plans", lambda app, name: True)
    monkeypatch.setattr(MigrationRecorder, "applied_migrations", lambda _: {("a", "b"): object()})
    monkeypatch.setattr(making, "make", make)
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "mine.hvx").write_bytes(b"")
    for _ in range(automatic.KEPT + 3):
        automatic.before_migrating((), lambda _: None)
    kept = back_ups_of(tmp_path)
    assert kept == [*(path.name for path in made[-automatic.KEPT :]), "mine.hvx"]


def back_ups_of(data_dir: Path) -> list[str]:
    return sorted(path.name for path in (data_dir / "backups").iterdir())

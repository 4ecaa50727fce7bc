"""A start is refused where `audit.head` knows more than the database, and says what to do."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from audit.events import Event
from audit.models import AuditRow
from audit.services import record
from hvx import start
from tests.hvx.backup.places import begun, key_file, place, refusal
from tests.live import LiveServer
from vault import keys


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    live = begun(tmp_path / "server", cluster=False)
    yield live
    live.close()


def run_once(server: LiveServer) -> None:
    server.start()
    server.stop()


def events(server: LiveServer, event: str) -> list[dict[str, object]]:
    shown = server.manage("audit", "show", "--json", "--event", event)
    return [json.loads(line)["details"] for line in shown.splitlines()]


def test_an_older_database_beside_a_newer_head_does_not_start_until_somebody_says_why(
    server: LiveServer, tmp_path: Path
) -> None:
    run_once(server)
    for path in server.data_dir.glob("hvx.sqlite3*"):
        shutil.copy(path, tmp_path / path.name)
    server.manage("invite")
    run_once(server)
    head = server.data_dir / "audit.head"
    newest = head.read_bytes()
    for path in server.data_dir.glob("hvx.sqlite3*"):
        path.unlink()
    for path in tmp_path.glob("hvx.sqlite3*"):
        shutil.copy(path, server.data_dir / path.name)
    for options in ((), ("--migrate",), ()):
        assert "audit.head knows row" in refusal(server, "serve", *options)
        assert head.read_bytes() == newest
    # And what commands write meanwhile does not make it whole.
    server.manage("invite")
    assert "audit.head knows row" in refusal(server, "serve")
    assert events(server, "audit_head_missing") == []

    head.rename(tmp_path / "audit.head.kept")
    run_once(server)
    run_once(server)
    assert events(server, "audit_head_missing") == [{}]
    server.manage("audit", "verify")


def test_an_older_database_beside_a_newer_head_is_not_migrated(server: LiveServer, tmp_path: Path) -> None:
    run_once(server)
    server.manage("migrate", "hvx", "zero", "--verbosity", "0", "--no-backup")
    for path in server.data_dir.glob("hvx.sqlite3*"):
        shutil.copy(path, tmp_path / path.name)
    server.manage("migrate", "--verbosity", "0", "--no-backup")
    run_once(server)
    for path in server.data_dir.glob("hvx.sqlite3*"):
        path.unlink()
    for path in tmp_path.glob("hvx.sqlite3*"):
        shutil.copy(path, server.data_dir / path.name)
    for command in (["serve", "--migrate"], ["migrate"]):
        assert "audit.head knows row" in refusal(server, *command)
        assert "[ ] 0001_initial" in server.manage("showmigrations", "hvx")
    assert not (server.data_dir / "backups").exists()
    # A row of the plan would be one more that the database was put back without.
    assert len(events(server, "migration_planned")) == len(set(map(str, events(server, "migration_planned"))))

    (server.data_dir / "audit.head").rename(tmp_path / "audit.head.kept")
    server.manage("migrate", "--verbosity", "0")
    run_once(server)
    assert events(server, "audit_head_missing") == [{}]


@pytest.mark.django_db(transaction=True)
def test_a_first_start_that_is_killed_before_its_checkpoint_is_not_taken_for_a_head_moved_away(
    settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The vault stays where it is.
    keys.root()
    keys.database_key()
    settings.HVX_DATA_DIR = tmp_path
    record(Event.MIGRATION_APPLIED)

    def killed() -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(start, "checkpoint", killed)
        with pytest.raises(KeyboardInterrupt):
            start.tell_audit(unsealed_by_operator=False)
    start.tell_audit(unsealed_by_operator=False)
    assert AuditRow.objects.filter(event=Event.SERVER_STARTED).count() == 2
    assert not AuditRow.objects.filter(event=Event.AUDIT_HEAD_MISSING).exists()
    (tmp_path / "audit.head").unlink()
    start.tell_audit(unsealed_by_operator=False)
    assert AuditRow.objects.filter(event=Event.AUDIT_HEAD_MISSING).count() == 1


def test_an_older_head_that_is_true_does_not_keep_a_server_from_starting(server: LiveServer) -> None:
    """Each machine of a cluster has its own file, and the others write rows after it."""
    run_once(server)
    head = server.data_dir / "audit.head"
    older = head.read_bytes()
    run_once(server)
    assert head.read_bytes() != older
    head.write_bytes(older)
    run_once(server)
    assert events(server, "audit_head_missing") == []


def test_a_restore_writes_its_own_head_and_the_audit_what_the_one_before_knew(
    server: LiveServer, tmp_path: Path
) -> None:
    run_once(server)
    server.manage("backup", str(tmp_path / "b.hvx"))
    run_once(server)
    target = place(tmp_path / "target", server, cluster=False)
    left = json.loads((server.data_dir / "audit.head").read_bytes())
    shutil.copy(server.data_dir / "audit.head", target.data_dir)
    target.manage("restore", str(tmp_path / "b.hvx"), "--root-key-file", str(key_file(server)))
    [details] = events(target, "backup_restored")
    assert (details["head_left"], details["head_hash"]) == (left["length"], left["hash"])
    target.manage("audit", "verify")
    run_once(target)
    target.close()

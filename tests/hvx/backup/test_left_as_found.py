"""A restore that is refused leaves the place as it was found; nothing changes one that is half there."""

import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from tests.hvx.backup.places import contents, key_file, place, refusal, restore
from tests.live import LiveServer

PASSPHRASE = "several planted words in a row"

MOVED = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("UPDATE devices_tokenkey SET private = X'00'")
"""


def named(path: Path) -> list[str]:
    return ["--root-key-file", str(path)]


# --- half restored

COMMANDS = [
    ["serve"],
    ["migrate"],
    ["invite"],
    ["rotate_token_key"],
    ["audit", "verify"],
    ["shell", "--command", "pass"],
    ["vault", "rotate-root"],
    ["vault", "rotate-data"],
    ["vault", "rewrap", "--add", "passphrase"],
    ["vault", "init"],
]


def test_a_half_restored_place_is_changed_by_nothing_but_the_restore(
    origin: LiveServer, back_up: Path, target: LiveServer
) -> None:
    restore(back_up, origin, target)
    (target.data_dir / "restoring").write_text("0" * 64)
    before = {path: path.read_bytes() for path in target.data_dir.iterdir()}
    for command in COMMANDS:
        assert "run manage.py restore again" in refusal(target, *command)
    assert {path: path.read_bytes() for path in target.data_dir.iterdir()} == before
    assert "protector" in target.manage("vault", "status")


def test_a_vaults_file_that_came_meanwhile_is_not_written_over(
    origin: LiveServer, back_up: Path, target: LiveServer
) -> None:
    restore(back_up, origin, target)
    target.manage("vault", "rotate-root")
    (target.data_dir / "restoring").write_text(sha256(back_up.read_bytes()).hexdigest())
    (target.data_dir / "root.key").rename(target.data_dir.parent / "new.key")
    vault_file = (target.data_dir / "vault.json").read_bytes()
    said = refusal(target, "restore", str(back_up), *named(key_file(origin)))
    assert "vault.json is another than the back-up's" in said
    assert (target.data_dir / "vault.json").read_bytes() == vault_file
    (target.data_dir / "restoring").unlink()
    (target.data_dir.parent / "new.key").rename(target.data_dir / "root.key")
    assert "whole" in target.manage("audit", "verify")


def test_a_database_of_another_place_is_not_taken_for_one_that_was_restored(
    origin: LiveServer, back_up: Path, target: LiveServer, tmp_path: Path
) -> None:
    other = place(tmp_path / "other", origin)
    origin.manage("backup", str(tmp_path / "other.hvx"))
    restore(tmp_path / "other.hvx", origin, other)
    restore(back_up, origin, target)
    # As after a restore that was killed at its end; but HVX_DATABASE_URL now names another database.
    (target.data_dir / "restoring").write_text(sha256(back_up.read_bytes()).hexdigest())
    (target.data_dir / "hvx.sqlite3").unlink()
    for path in other.data_dir.glob("hvx.sqlite3*"):
        shutil.copy(path, target.data_dir / path.name)
    before = (target.data_dir / "audit.head").read_bytes()
    said = refusal(target, "restore", str(back_up), *named(key_file(origin)))
    assert "the database is not the one that was filled from this back-up" in said
    assert (target.data_dir / "restoring").exists()
    assert (target.data_dir / "audit.head").read_bytes() == before


# --- refused


def test_a_restore_that_is_refused_at_its_end_leaves_nothing(
    origin: LiveServer, target: LiveServer, tmp_path: Path
) -> None:
    faulty = place(tmp_path / "faulty", origin)
    restore_of = tmp_path / "good.hvx"
    origin.manage("backup", str(restore_of))
    restore(restore_of, origin, faulty)
    faulty.manage("shell", "--no-imports", "--command", MOVED)
    faulty.manage("backup", str(tmp_path / "faulty.hvx"))
    said = refusal(target, "restore", str(tmp_path / "faulty.hvx"), *named(key_file(origin)))
    assert "does not open" in said
    assert contents(target.data_dir) == []
    assert "nothing is here" in refusal(target, "invite")
    # And another back-up is welcome.
    restore(restore_of, origin, target)
    assert "whole" in target.manage("audit", "verify")


def test_another_key_file_in_the_place_is_refused_before_anything(
    origin: LiveServer, back_up: Path, target: LiveServer
) -> None:
    (target.data_dir / "root.key").write_bytes(bytes(32))
    (target.data_dir / "root.key").chmod(0o600)
    said = refusal(target, "restore", str(back_up), *named(key_file(origin)))
    assert f"the key file at {target.data_dir / 'root.key'} does not open the back-up's vault" in said
    assert "move it away first. Nothing was touched." in said
    assert contents(target.data_dir) == ["root.key"]
    assert (target.data_dir / "root.key").read_bytes() == bytes(32)


def test_where_people_have_opened_it_the_missing_key_file_is_told(
    origin: LiveServer, target: LiveServer, tmp_path: Path
) -> None:
    origin.manage("vault", "rewrap", "--add", "passphrase", "--stdin", stdin=f"{PASSPHRASE}\n")
    origin.manage("backup", str(tmp_path / "both.hvx"))
    origin.manage("vault", "rewrap", "--remove", "passphrase")
    said = target.manage("restore", str(tmp_path / "both.hvx"), "--stdin", stdin=f"{PASSPHRASE}\n")
    assert f"none is at {target.data_dir / 'root.key'}" in said


def missing(path: Path) -> None:
    path.unlink()


def reachable(path: Path) -> None:
    path.chmod(0o644)


def short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:31])


def wrong(path: Path) -> None:
    path.write_bytes(bytes(32))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (missing, "there is no key file at {}"),
        (reachable, "at {} has mode 0644"),
        (short, "at {} has 31 bytes instead of 32"),
        (wrong, "the key file at {} does not open the back-up's vault; what opens it: keyfile"),
    ],
)
def test_what_is_wrong_with_a_key_file_that_was_named_is_said(
    spoil: Callable[[Path], None],
    reason: str,
    origin: LiveServer,
    back_up: Path,
    target: LiveServer,
    tmp_path: Path,
) -> None:
    copied = tmp_path / "copied.key"
    shutil.copy(key_file(origin), copied)
    spoil(copied)
    assert reason.format(copied) in refusal(target, "restore", str(back_up), *named(copied))
    assert contents(target.data_dir) == []


@pytest.mark.needs("postgres", "redis")
def test_a_postgresql_database_that_is_not_there_is_not_to_be_migrated(
    origin: LiveServer, back_up: Path, tmp_path: Path
) -> None:
    target = place(tmp_path / "cluster", origin, cluster=True)
    env = dict(target.env)
    target.env["HVX_DATABASE_URL"] += "_that_is_not_there"
    said = refusal(target, "restore", str(back_up), *named(key_file(origin)))
    assert "It has to be there, and empty. Nothing was touched." in said
    assert "migrate" not in said
    assert contents(target.data_dir) == []
    target.env = env
    target.close()


@pytest.mark.needs("postgres", "redis")
def test_a_refused_restore_leaves_nothing_in_postgresql_either(origin: LiveServer, tmp_path: Path) -> None:
    faulty = place(tmp_path / "faulty", origin)
    origin.manage("backup", str(tmp_path / "good.hvx"))
    restore(tmp_path / "good.hvx", origin, faulty)
    faulty.manage("shell", "--no-imports", "--command", MOVED)
    faulty.manage("backup", str(tmp_path / "faulty.hvx"))
    target = place(tmp_path / "cluster", origin, cluster=True)
    assert "does not open" in refusal(
        target, "restore", str(tmp_path / "faulty.hvx"), *named(key_file(origin))
    )
    assert contents(target.data_dir) == []
    restore(tmp_path / "good.hvx", origin, target)
    assert "whole" in target.manage("audit", "verify")
    target.close()


# --- making one


def test_a_folder_is_no_file_to_back_up_to_even_by_force(origin: LiveServer, tmp_path: Path) -> None:
    before = len(origin.manage("audit", "show", "--event", "backup_made").splitlines())
    for force in ([], ["--force"]):
        assert "is a folder: name the file in it" in refusal(origin, "backup", str(tmp_path), *force)
    assert list(tmp_path.iterdir()) == []
    # What was never begun is not in the audit.
    assert len(origin.manage("audit", "show", "--event", "backup_made").splitlines()) == before

"""A damaged file, an unfit place, a second restore: refused before anything is touched."""

import os
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hvx.backup.container import MAGIC
from tests.hvx.backup.places import contents, key_file, place, refusal, restore
from tests.live import LiveServer
from vault import lock


def refused_restore(file: Path, origin: LiveServer, target: LiveServer) -> str:
    return refusal(target, "restore", str(file), "--root-key-file", str(key_file(origin)))


# --- the file


def test_a_back_up_with_a_flipped_bit_is_refused_and_the_place_stays_empty(
    origin: LiveServer, back_up: Path, target: LiveServer, tmp_path: Path
) -> None:
    whole = back_up.read_bytes()
    ends = [0, len(MAGIC), len(MAGIC) + 20, len(whole) - 1]
    for where in [*ends, *random.sample(range(len(whole)), 4)]:
        broken = bytearray(whole)
        broken[where] ^= 1
        damaged = tmp_path / "damaged.hvx"
        damaged.write_bytes(broken)
        assert "Nothing was touched" in refused_restore(damaged, origin, target)
        assert contents(target.data_dir) == []


def test_a_back_up_that_is_cut_short_is_refused_and_the_place_stays_empty(
    origin: LiveServer, back_up: Path, target: LiveServer, tmp_path: Path
) -> None:
    whole = back_up.read_bytes()
    for length in (0, len(MAGIC), len(MAGIC) + 100, len(whole) // 2, len(whole) - 1):
        short = tmp_path / "short.hvx"
        short.write_bytes(whole[:length])
        assert "Nothing was touched" in refused_restore(short, origin, target)
        assert contents(target.data_dir) == []


def test_a_back_up_with_more_behind_it_or_put_together_from_two_is_refused(
    origin: LiveServer, back_up: Path, target: LiveServer, tmp_path: Path
) -> None:
    origin.manage("backup", str(tmp_path / "later.hvx"))
    whole, later = back_up.read_bytes(), (tmp_path / "later.hvx").read_bytes()
    beginning = len(MAGIC) + 4 + int.from_bytes(whole[len(MAGIC) : len(MAGIC) + 4], "big")
    assert whole[:beginning] == later[:beginning], "of one vault"
    for strange in (
        whole + b"\x00",
        whole + whole,
        whole + later[beginning:],
        whole[: beginning + 105] + later[beginning + 105 :],
        whole[: len(whole) // 2] + later[len(whole) // 2 :],
    ):
        mixed = tmp_path / "mixed.hvx"
        mixed.write_bytes(strange)
        assert "Nothing was touched" in refused_restore(mixed, origin, target)
        assert contents(target.data_dir) == []


def test_a_back_up_with_the_vault_of_another_is_refused(
    origin: LiveServer, back_up: Path, target: LiveServer, tmp_path: Path
) -> None:
    other = place(tmp_path / "other")
    other.manage("migrate", "--verbosity", "0")
    other.manage("backup", str(tmp_path / "other.hvx"))
    whole, strange = back_up.read_bytes(), (tmp_path / "other.hvx").read_bytes()

    def split(data: bytes) -> tuple[bytes, bytes]:
        end = len(MAGIC) + 4 + int.from_bytes(data[len(MAGIC) : len(MAGIC) + 4], "big")
        return data[:end], data[end:]

    mixed = tmp_path / "mixed.hvx"
    mixed.write_bytes(split(strange)[0] + split(whole)[1])
    assert "Nothing was touched" in refused_restore(mixed, other, target)
    assert contents(target.data_dir) == []


def test_a_key_file_of_another_server_opens_nothing(
    back_up: Path, target: LiveServer, tmp_path: Path
) -> None:
    other = place(tmp_path / "other")
    other.manage("migrate", "--verbosity", "0")
    said = refused_restore(back_up, other, target)
    assert f"the key file at {key_file(other)} does not open the back-up's vault" in said
    assert "what opens it: keyfile" in said
    assert contents(target.data_dir) == []


def test_without_its_key_file_a_back_up_opens_nowhere(back_up: Path, target: LiveServer) -> None:
    assert "what opens it: keyfile" in refusal(target, "restore", str(back_up))
    assert contents(target.data_dir) == []


def test_a_file_that_is_not_there_is_named(target: LiveServer, tmp_path: Path) -> None:
    assert "No such file" in refusal(target, "restore", str(tmp_path / "nothing.hvx"))


def test_a_back_up_with_migrations_that_this_version_lacks_is_refused_with_their_names(
    origin: LiveServer, target: LiveServer, tmp_path: Path
) -> None:
    # Only a program that lacks a file can tell: a copy of the program, without the last migration.
    newer = tmp_path / "newer.hvx"
    origin.manage("backup", str(newer))
    older = tmp_path / "older"
    ignored = shutil.ignore_patterns("__pycache__", "0001_initial.py")
    for room in ("hvx", "activitypub", "keyexchange", "accounts", "devices", "vault", "audit"):
        shutil.copytree(
            Path(__file__).parents[3] / room,
            older / room,
            ignore=ignored if room == "hvx" else shutil.ignore_patterns("__pycache__"),
        )
    shutil.copy(Path(__file__).parents[3] / "manage.py", older)
    said = refusal_of_copy(older, target, "restore", str(newer), "--root-key-file", str(key_file(origin)))
    assert "does not know: hvx.0001_initial. Nothing was touched." in said
    assert contents(target.data_dir) == []


def refusal_of_copy(program: Path, server: LiveServer, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(program / "manage.py"), *arguments],
        env=server.env,
        cwd=program,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    return done.stderr


# --- the place


def test_a_place_with_a_server_in_it_is_refused_and_left_as_it_was(origin: LiveServer, back_up: Path) -> None:
    before = {path: path.read_bytes() for path in origin.data_dir.iterdir() if path.is_file()}
    said = refused_restore(back_up, origin, origin)
    assert "the place is not empty" in said
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("name", ["vault.json", "hvx.sqlite3"])
def test_a_place_with_a_part_of_a_server_in_it_is_refused(
    name: str, origin: LiveServer, back_up: Path, target: LiveServer
) -> None:
    (target.data_dir / name).write_text("something")
    assert f"there is {target.data_dir / name}" in refused_restore(back_up, origin, target)
    assert (target.data_dir / name).read_text() == "something"


@pytest.mark.needs("postgres", "redis")
def test_a_postgresql_database_with_tables_is_refused(
    origin: LiveServer, back_up: Path, tmp_path: Path
) -> None:
    target = place(tmp_path / "cluster", origin, cluster=True)
    target.manage("migrate", "--verbosity", "0")
    shutil.rmtree(target.data_dir)
    target.data_dir.mkdir(mode=0o700)
    assert "the database has tables" in refused_restore(back_up, origin, target)
    assert contents(target.data_dir) == []
    target.close()


def test_while_something_runs_on_the_data_folder_nothing_is_restored_there(
    origin: LiveServer, back_up: Path, target: LiveServer
) -> None:
    with lock.hold(target.data_dir):
        assert f"process {os.getpid()} already runs" in refused_restore(back_up, origin, target)
    assert contents(target.data_dir) == []


def test_while_a_restore_is_under_way_nothing_starts_or_migrates_there(
    origin: LiveServer, back_up: Path, target: LiveServer
) -> None:
    (target.data_dir / "restoring").write_text("0" * 64)
    for command in (["serve"], ["migrate"], ["backup", str(target.data_dir / "x.hvx")]):
        assert "was cut short: run manage.py restore again" in refusal(target, *command)
    assert "a restore of another back-up" in refused_restore(back_up, origin, target)
    assert contents(target.data_dir) == ["restoring"]


# --- making one


def test_a_back_up_replaces_no_file_unless_told_to(origin: LiveServer, tmp_path: Path) -> None:
    there = tmp_path / "there.hvx"
    there.write_text("precious")
    assert "is there already; --force replaces it" in refusal(origin, "backup", str(there))
    assert there.read_text() == "precious"
    origin.manage("backup", str(there), "--force")
    assert there.read_bytes().startswith(MAGIC)
    assert [path.name for path in tmp_path.iterdir()] == ["there.hvx"]


def test_of_an_empty_place_there_is_no_back_up(target: LiveServer, tmp_path: Path) -> None:
    said = refusal(target, "backup", str(tmp_path / "nothing.hvx"))
    assert "nothing to back up" in said
    assert not (tmp_path / "nothing.hvx").exists()
    assert contents(target.data_dir) == []


def test_a_back_up_is_for_its_owner_alone_and_says_what_opens_it(origin: LiveServer, tmp_path: Path) -> None:
    said = origin.manage("backup", str(tmp_path / "mine.hvx"))
    assert (tmp_path / "mine.hvx").stat().st_mode & 0o777 == 0o600
    assert "NOT in it" in said
    assert str(key_file(origin)) in said


def test_neither_key_nor_plain_text_stands_in_a_back_up(origin: LiveServer, back_up: Path) -> None:
    data = back_up.read_bytes()
    assert key_file(origin).read_bytes() not in data
    for word in (b"accounts_account", b"migration_applied", b"origin", b"CREATE"):
        assert word not in data


def test_a_restored_place_can_be_restored_no_second_time(
    origin: LiveServer, back_up: Path, target: LiveServer
) -> None:
    restore(back_up, origin, target)
    assert contents(target.data_dir) == ["audit.head", "hvx.sqlite3", "root.key", "vault.json"]
    assert "the place is not empty" in refused_restore(back_up, origin, target)


def test_people_write_while_a_back_up_is_made(origin: LiveServer, tmp_path: Path) -> None:
    """Back-ups and writes at the same time: neither waits for the other, none fails."""
    failures: list[BaseException] = []

    def invite() -> None:
        try:
            for _ in range(3):
                origin.manage("invite")
        except BaseException as error:
            failures.append(error)

    writer = threading.Thread(target=invite)
    writer.start()
    for number in range(3):
        origin.manage("backup", str(tmp_path / f"{number}.hvx"))
    writer.join()
    assert failures == []
    target = place(tmp_path / "target", origin)
    restore(tmp_path / "2.hvx", origin, target)
    target.close()

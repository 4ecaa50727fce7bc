"""A plain database becomes an encrypted one in its place, and back: the same, and never half."""

import os
import random
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings
from sqlcipher3 import dbapi2

from audit.errors import AuditUnavailable
from tests.crashes import ENDED, FAILED, KILLED, Crashes
from vault import keys, lock
from vault.errors import Sealed
from vault.sqlcipher import conversion, opening
from vault.sqlcipher.conversion import convert, is_so
from vault.sqlcipher.errors import ConversionRefused, WrongDatabase
from vault.verbs import encrypt_database

KEY = bytes(range(32))
PLANTED = "a word that is looked for"
ODD = '"odd ""name"" of a table"'
SCHEMA = f"""
    CREATE TABLE person (
        id integer PRIMARY KEY AUTOINCREMENT, name varchar NOT NULL, picture blob, weight real
    );
    CREATE UNIQUE INDEX person_name ON person (name);
    CREATE TABLE {ODD} (a, b, UNIQUE (a, b));
    CREATE VIEW heavy AS SELECT name FROM person WHERE weight > 1;
    CREATE TRIGGER person_stays BEFORE DELETE ON person BEGIN SELECT RAISE(ABORT, 'stays'); END;
    CREATE TRIGGER nobody_comes BEFORE INSERT ON person WHEN NEW.weight < 0
        BEGIN SELECT RAISE(ABORT, 'no'); END;
    PRAGMA user_version = 7;
"""  # noqa: S608


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vault gives KEY."""
    monkeypatch.setattr(opening, "database_key", lambda: KEY)


@pytest.fixture
def path(tmp_path: Path, key: None) -> Path:
    """A plain database, as an unfinished server leaves it: not all of it is in the main file."""
    path = tmp_path / "hvx.sqlite3"
    fill(path, encryption=False)
    return path


def fill(path: Path, *, encryption: bool) -> None:
    with closing(opening.connect(str(path), encryption=encryption, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)
        connection.execute("BEGIN")
        people = [(f"{PLANTED} {number}", os.urandom(number), number / 7) for number in range(200)]
        connection.executemany("INSERT INTO person (name, picture, weight) VALUES (?, ?, ?)", people)
        connection.execute(f"INSERT INTO {ODD} VALUES (1, NULL), (1, NULL), (NULL, 'x')")  # noqa: S608
        connection.execute("COMMIT")


def contents(path: Path, *, encryption: bool) -> Any:
    """Everything a database holds, and what it does with the next row."""
    with closing(opening.connect(str(path), encryption=encryption, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        everything = [
            connection.execute(query).fetchall()
            for query in (
                "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name",
                "SELECT * FROM person ORDER BY id",
                f"SELECT * FROM {ODD} ORDER BY a, b",  # noqa: S608
                "SELECT * FROM heavy ORDER BY name",
                "SELECT * FROM sqlite_sequence",
                "PRAGMA user_version",
                "INSERT INTO person (name) VALUES ('next') RETURNING id",
            )
        ]
        with pytest.raises(dbapi2.IntegrityError, match="stays"):
            connection.execute("DELETE FROM person")
        return everything


# --- what is refused, with nothing changed


def test_a_database_in_use_is_not_converted(path: Path) -> None:
    before = path.read_bytes()
    with closing(opening.connect(str(path), encryption=False)) as other:
        other.execute("SELECT count(*) FROM person").fetchall()
        with pytest.raises(ConversionRefused, match="in use"):
            convert(path, encrypt=True)
        assert other.execute("SELECT count(*) FROM person").fetchone() == (200,)
    assert path.read_bytes()[:100] == before[:100]
    assert contents(path, encryption=False)[4] == [("person", 200)]


def test_where_no_database_is_none_is_made(tmp_path: Path, key: None) -> None:
    for path in (tmp_path / "nothing", tmp_path / "empty", tmp_path):
        (tmp_path / "empty").touch()
        with pytest.raises(ConversionRefused, match="no database"):
            is_so(path, encrypted=True)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_sealed_vault_converts_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sealed() -> bytes:
        raise Sealed

    expected = contents(path, encryption=False)
    monkeypatch.setattr(opening, "database_key", sealed)
    with pytest.raises(Sealed):
        convert(path, encrypt=True)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert contents(path, encryption=False) == expected


def test_another_vaults_database_is_not_said_to_be_in_order(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert(path, encrypt=True)
    before = path.read_bytes()
    monkeypatch.setattr(opening, "database_key", lambda: bytes(32))
    with pytest.raises(WrongDatabase, match="this vault's database key"):
        is_so(path, encrypted=True)
    with pytest.raises(WrongDatabase, match="this vault's database key"):
        convert(path, encrypt=False)
    assert path.read_bytes() == before


def test_a_damaged_database_is_not_made_a_plain_one_with_less_in_it(path: Path) -> None:
    with closing(opening.connect(str(path), encryption=False, isolation_level=None)) as connection:
        connection.execute("INSERT INTO person (name, picture) VALUES ('long', randomblob(100000))")
    convert(path, encrypt=True)
    whole = path.read_bytes()
    for page in range(1, len(whole) // 4096):
        damaged = bytearray(whole)
        damaged[page * 4096] ^= 1
        path.write_bytes(damaged)
        with pytest.raises((ConversionRefused, dbapi2.DatabaseError, MemoryError)):
            convert(path, encrypt=False)
        assert path.read_bytes() == damaged
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM draft.person WHERE id = 7",
        "UPDATE draft.person SET weight = 0 WHERE id = 7",
        f"DELETE FROM draft.{ODD} WHERE rowid = 2",  # noqa: S608
        "DROP INDEX draft.person_name",
        "INSERT INTO draft.person (name) VALUES ('more')",
    ],
)
def test_a_copy_that_is_not_equal_is_not_put_in_place(
    path: Path, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    expected = contents(path, encryption=False)
    differences = conversion._differences

    def after_a_loss(source: Any) -> Iterator[str]:
        source.execute(loss)
        return differences(source)

    monkeypatch.setattr(conversion, "_differences", after_a_loss)
    with pytest.raises(ConversionRefused, match="not equal"):
        convert(path, encrypt=True)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert contents(path, encryption=False) == expected


# --- what it does


def test_a_database_is_the_same_after_it_was_encrypted_and_after_it_was_left_plain_again(path: Path) -> None:
    expected = contents(path, encryption=False)
    convert(path, encrypt=True)
    assert not opening.is_plain(path)
    assert PLANTED.encode() not in path.read_bytes()
    assert contents(path, encryption=True) == expected
    convert(path, encrypt=False)
    assert opening.is_plain(path)
    assert contents(path, encryption=False) == expected
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_a_database_is_already_is_told(path: Path) -> None:
    assert is_so(path, encrypted=False)
    assert not is_so(path, encrypted=True)
    convert(path, encrypt=True)
    assert is_so(path, encrypted=True)
    assert not is_so(path, encrypted=False)


def test_what_a_killed_server_left_in_the_wal_comes_along(path: Path, tmp_path: Path) -> None:
    with closing(opening.connect(str(path), encryption=False, isolation_level=None)) as writer:
        writer.execute("INSERT INTO person (name) VALUES ('in the WAL')")
        abandoned = tmp_path / "abandoned" / path.name
        abandoned.parent.mkdir()
        for suffix in ("", "-wal"):
            Path(f"{abandoned}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    assert b"in the WAL" not in abandoned.read_bytes()
    convert(abandoned, encrypt=True)
    assert [file.name for file in abandoned.parent.iterdir()] == [path.name]
    with closing(opening.connect(str(abandoned), encryption=True)) as connection:
        assert connection.execute("SELECT count(*) FROM person WHERE name = 'in the WAL'").fetchone() == (1,)


def test_what_a_killed_conversion_left_does_not_stand_in_the_way(path: Path) -> None:
    left = path.with_name(f"{path.name}.converting")
    left.write_bytes(b"half of something")
    convert(path, encrypt=True)
    assert not left.exists()


# --- the verb


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Stands for the audit, which this database has no tables for; what it was told."""
    told: list[bool] = []

    def tell(*, encrypt: bool) -> None:
        told.append(encrypt)

    monkeypatch.setattr(encrypt_database, "_tell_audit", tell)
    return told


@pytest.fixture
def place(settings: Settings, tmp_path: Path, root_key_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a vault and a plain database; the verb looks at it."""
    keys.begin()
    key = keys.database_key()
    monkeypatch.setattr(opening, "database_key", lambda: key)
    path = root_key_path.parent / "hvx.sqlite3"
    fill(path, encryption=False)
    settings.HVX_DATABASE_URL = ""
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", str(path))
    return path


def test_while_a_server_runs_the_verb_refuses(place: Path) -> None:
    with lock.hold(place.parent), pytest.raises(CommandError, match="already runs"):
        call_command("vault", "encrypt-database")
    assert opening.is_plain(place)


def test_postgresqls_files_are_not_encrypted(place: Path, settings: Settings) -> None:
    settings.HVX_DATABASE_URL = "postgresql://localhost/hvx"
    with pytest.raises(CommandError, match="HVX_DATABASE_URL"):
        call_command("vault", "encrypt-database")
    assert opening.is_plain(place)


def test_what_the_audit_cannot_take_down_is_not_done(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*, encrypt: bool) -> None:
        raise AuditUnavailable

    monkeypatch.setattr(encrypt_database, "_tell_audit", unavailable)
    with pytest.raises(CommandError, match="audit cannot be written"):
        call_command("vault", "encrypt-database")
    assert opening.is_plain(place)


def test_the_verb_encrypts_decrypts_and_says_what_is_to_be_done(
    place: Path, audited: list[bool], capsys: pytest.CaptureFixture[str]
) -> None:
    expected = contents(place, encryption=False)
    call_command("vault", "encrypt-database")
    assert "is encrypted." in capsys.readouterr().out
    assert contents(place, encryption=True) == expected
    call_command("vault", "encrypt-database")
    assert "is encrypted already." in capsys.readouterr().out
    call_command("vault", "encrypt-database", "--decrypt")
    assert "HVX_DATABASE_ENCRYPTION=off" in capsys.readouterr().out
    assert audited == [True, False]
    assert contents(place, encryption=False) == expected


# --- killed


def test_killed_a_hundred_times_the_database_is_always_one_of_the_two(place: Path) -> None:
    expected = contents(place, encryption=False)
    env = {name: value for name, value in os.environ.items() if not name.startswith("HVX_")}
    env |= {"DJANGO_SETTINGS_MODULE": "hvx.settings", "HVX_DATA_DIR": str(place.parent)}
    outcomes: list[str] = []
    found = set()
    with Crashes("tests.vault.converting:turn_over", env) as crashes:
        assert crashes.run() == ENDED
        for _ in range(1000):
            outcomes.append(crashes.kill_after(random.uniform(0, 0.06)))
            plain = opening.is_plain(place)
            found.add(plain)
            assert contents(place, encryption=not plain) == expected
            if outcomes.count(KILLED) == 100:
                break
    assert FAILED not in outcomes
    assert outcomes.count(KILLED) == 100
    assert found == {True, False}, "deaths before and after the swap"

"""The embedded database on SQLCipher: it opens by the vault's key and by nothing else."""

import datetime
import shutil
import threading
import traceback
import uuid
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import DatabaseError, IntegrityError, OperationalError, ProgrammingError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from sqlcipher3 import dbapi2

from vault import keys
from vault.errors import Sealed
from vault.sqlcipher import opening
from vault.sqlcipher.cursors import AuthenticCursor
from vault.sqlcipher.errors import WrongDatabase

KEY = bytes(range(32))
PLANTED = "a word that is looked for"
PAGE = 4096


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any) -> Iterator[None]:
    """The vault gives KEY. These tests touch databases of their own and never the suite's."""
    use(monkeypatch, KEY)
    with django_db_blocker.unblock():
        yield


def use(monkeypatch: pytest.MonkeyPatch, key: bytes) -> None:
    monkeypatch.setattr(opening, "database_key", lambda: key)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hvx.sqlite3"


@pytest.fixture
def database(path: Path) -> Iterator[BaseDatabaseWrapper]:
    opened = wrapper(path)
    yield opened
    opened.close()


def wrapper(path: Path, *, encryption: bool = True) -> BaseDatabaseWrapper:
    """A connection of its own, set as the server's settings set it; opened at its first use."""
    options = {
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
        "encryption": encryption,
    }
    settings = {"ENGINE": "vault.sqlcipher", "NAME": str(path), "OPTIONS": options}
    return ConnectionHandler({"default": settings})["default"]


def run(database: BaseDatabaseWrapper, query: str, parameters: Any = None) -> Any:
    with database.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def fill(path: Path, *, encryption: bool = True, text: str = PLANTED) -> None:
    """A small database of one table, closed again, so that all of it is in the main file."""
    database = wrapper(path, encryption=encryption)
    run(database, "CREATE TABLE looked_for (id integer PRIMARY KEY, text varchar NOT NULL)")
    run(database, "INSERT INTO looked_for VALUES (1, %s)", [text])
    database.close()


def texts(path: Path, *, encryption: bool = True) -> list[str]:
    database = wrapper(path, encryption=encryption)
    try:
        return [text for (text,) in run(database, "SELECT text FROM looked_for ORDER BY id")]
    finally:
        database.close()


# --- whose key, and which file


def test_without_the_root_key_nothing_opens_and_no_empty_database_is_made(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sealed() -> bytes:
        raise Sealed

    monkeypatch.setattr(opening, "database_key", sealed)
    monkeypatch.setattr(keys, "begin", lambda: None)
    with pytest.raises(Sealed):
        wrapper(path).connect()
    assert not path.exists()


def test_another_key_is_refused_with_a_sentence_and_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    before = path.read_bytes()
    use(monkeypatch, bytes(32))
    with pytest.raises(WrongDatabase, match="does not open by this vault's database key"):
        wrapper(path).connect()
    assert path.read_bytes() == before


def test_a_plain_database_is_not_taken_for_an_encrypted_one(path: Path) -> None:
    fill(path, encryption=False)
    before = path.read_bytes()
    with pytest.raises(WrongDatabase, match=r"run `manage\.py vault encrypt-database`"):
        wrapper(path).connect()
    assert path.read_bytes() == before


def test_an_encrypted_database_is_not_taken_for_a_plain_one(path: Path) -> None:
    fill(path)
    before = path.read_bytes()
    with pytest.raises(WrongDatabase, match="HVX_DATABASE_ENCRYPTION is off"):
        wrapper(path, encryption=False).connect()
    assert path.read_bytes() == before


def test_a_connection_that_is_told_nothing_encrypts(path: Path) -> None:
    database = ConnectionHandler({"default": {"ENGINE": "vault.sqlcipher", "NAME": str(path)}})["default"]
    run(database, "CREATE TABLE looked_for (id integer)")
    database.close()
    assert not opening.is_plain(path)


def test_a_folder_that_is_not_there_is_the_usual_error(tmp_path: Path) -> None:
    with pytest.raises(OperationalError, match="unable to open"):
        wrapper(tmp_path / "nowhere" / "hvx.sqlite3").ensure_connection()


# --- what shows of the key


def test_no_error_and_no_list_of_queries_holds_the_key(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path)
    foreign = bytes(reversed(KEY))
    use(monkeypatch, foreign)
    database = wrapper(path)
    database.force_debug_cursor = True
    with pytest.raises(WrongDatabase) as caught:
        run(database, "SELECT 1")
    use(monkeypatch, KEY)
    run(database, "SELECT text FROM looked_for WHERE id = %s", [1])
    assert len(database.queries) == 1
    shown = str(database.queries)
    for error in unrolled(caught.value):
        summary = traceback.TracebackException.from_exception(error, capture_locals=True)
        summary.stack = traceback.StackSummary.from_list(
            [frame for frame in summary.stack if frame.filename != __file__]
        )
        shown += "".join(summary.format())
    assert "looked_for" in shown
    assert "conn_params" in shown, "the traceback shows variables"
    for secret in (KEY, foreign):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
    database.close()


def unrolled(error: BaseException) -> Iterator[BaseException]:
    """The error and every one behind it, whatever `from None` hides of them."""
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or following.__context__


# --- what shows of the contents


def test_no_file_shows_schema_or_text_while_the_database_is_in_use(
    database: BaseDatabaseWrapper, path: Path
) -> None:
    run(database, "CREATE TABLE looked_for (id integer PRIMARY KEY, text varchar)")
    run(database, "INSERT INTO looked_for VALUES (1, %s)", [PLANTED])
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["hvx.sqlite3", "hvx.sqlite3-shm", "hvx.sqlite3-wal"]
    for file in files:
        content = file.read_bytes()
        assert content
        for secret in (PLANTED, "looked_for", "CREATE TABLE", "SQLite format 3"):
            assert secret.encode() not in content


def test_the_search_would_find_them_in_a_plain_database(path: Path) -> None:
    fill(path, encryption=False)
    assert texts(path, encryption=False) == [PLANTED]
    content = path.read_bytes()
    for secret in (PLANTED, "looked_for", "CREATE TABLE", "SQLite format 3"):
        assert secret.encode() in content


def test_the_same_contents_under_the_same_key_are_other_bytes(tmp_path: Path) -> None:
    fill(tmp_path / "one")
    fill(tmp_path / "other")
    one, other = ((tmp_path / name).read_bytes() for name in ("one", "other"))
    assert len(one) == len(other)
    for at in range(0, len(one), 16):
        assert one[at : at + 16] != other[at : at + 16]


def test_what_is_sorted_never_leaves_memory(database: BaseDatabaseWrapper) -> None:
    assert run(database, "PRAGMA temp_store") == [(2,)]


# --- what an altered file gives


def test_a_changed_byte_is_noticed_wherever_it_is(path: Path) -> None:
    # So long that the end of the text stands on a page of its own.
    long = PLANTED * (PAGE // len(PLANTED))
    fill(path, text=long)
    whole = path.read_bytes()
    assert len(whole) == 3 * PAGE
    # Five and the cipher's blocks have no common measure, so every place within a block is met.
    for position in chain(range(PAGE), range(PAGE, len(whole), 5)):
        altered = bytearray(whole)
        altered[position] ^= 1 << position % 8
        path.write_bytes(altered)
        with pytest.raises((WrongDatabase, dbapi2.DatabaseError)):
            read(path)
    path.write_bytes(whole)
    assert read(path) == [(long,)]


def read(path: Path) -> Any:
    """The texts, with less around them than in `texts`: this is done for every byte of a file."""
    with closing(opening.connect(str(path), encryption=True)) as connection:
        return connection.cursor(AuthenticCursor).execute("SELECT text FROM looked_for").fetchall()


def test_a_damaged_page_of_a_long_value_is_noticed_however_the_rows_are_fetched(path: Path) -> None:
    fill(path, text=PLANTED * (PAGE // len(PLANTED)))
    damaged = bytearray(path.read_bytes())
    damaged[-PAGE] ^= 1
    path.write_bytes(damaged)
    for fetch in ("fetchone", "fetchmany", "fetchall", "__next__"):
        database = wrapper(path)
        with database.cursor() as cursor:
            cursor.execute("SELECT text FROM looked_for")
            with pytest.raises(DatabaseError, match="damaged or was altered"):
                getattr(cursor, fetch)() if fetch != "__next__" else list(cursor)
        # What could not be read whole is not written back either.
        with pytest.raises((DatabaseError, MemoryError)):
            run(database, "UPDATE looked_for SET text = text || 'x'")
        database.close()
        assert path.read_bytes() == damaged


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM looked_for WHERE text = %s",
        "UPDATE looked_for SET id = 2 WHERE text = %s",
        "DELETE FROM looked_for WHERE text = %s RETURNING id",
    ],
)
def test_what_stands_on_a_damaged_page_is_not_taken_for_absent(path: Path, query: str) -> None:
    long = PLANTED * (PAGE // len(PLANTED))
    fill(path, text=long)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    database = wrapper(path)
    with pytest.raises(DatabaseError, match="damaged or was altered"):
        run(database, query, [long])
    database.close()
    database = wrapper(path)
    with database.cursor() as cursor, pytest.raises(DatabaseError, match="damaged or was altered"):
        cursor.executemany("UPDATE looked_for SET id = 2 WHERE text = %s", [(long,)])
    database.close()
    assert path.read_bytes() == damaged


def test_a_page_in_anothers_place_or_of_another_database_is_noticed(tmp_path: Path) -> None:
    path, other = tmp_path / "one", tmp_path / "other"
    long = "".join(f"{number:08}" for number in range(2000))
    fill(path, text=long)
    fill(other, text=long)
    pages, others = (
        [file.read_bytes()[at : at + PAGE] for at in range(0, file.stat().st_size, PAGE)]
        for file in (path, other)
    )
    assert len(pages) == len(others) >= 4
    last = len(pages) - 1
    for place in range(1, last + 1):
        foreign = [*pages[:place], others[place], *pages[place + 1 :]]
        repeated = [*pages[:place], pages[place - 1], *pages[place + 1 :]]
        for altered in (foreign, repeated):
            path.write_bytes(b"".join(altered))
            with pytest.raises(DatabaseError):
                texts(path)


def test_a_shorter_file_is_noticed(path: Path) -> None:
    fill(path)
    whole = path.read_bytes()
    for length in (1, 100, PAGE - 1, PAGE, 2 * PAGE - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(DatabaseError):
            texts(path)


def test_a_byte_changed_in_the_wal_never_gives_other_data(
    database: BaseDatabaseWrapper, path: Path, tmp_path: Path
) -> None:
    run(database, "CREATE TABLE looked_for (id integer PRIMARY KEY, text varchar)")
    run(database, "INSERT INTO looked_for VALUES (1, 'before')")
    run(database, "PRAGMA wal_checkpoint(TRUNCATE)")
    run(database, "UPDATE looked_for SET text = 'after'")
    main, wal = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    copy = tmp_path / "copy" / "hvx.sqlite3"
    copy.parent.mkdir()
    outcomes = []
    for position in range(0, len(wal), 7):
        altered = bytearray(wal)
        altered[position] ^= 1 << position % 8
        copy.write_bytes(main)
        Path(f"{copy}-wal").write_bytes(altered)
        try:
            outcomes += texts(copy)
        except DatabaseError:
            outcomes.append("refused")
    # A WAL that is torn is taken up to its last whole commit: that is how SQLite outlives a power cut.
    assert set(outcomes) <= {"before", "after", "refused"}
    assert "before" in outcomes


# --- Django's backend, as Django's own works


def test_parameters_are_taken_in_both_of_djangos_styles(database: BaseDatabaseWrapper) -> None:
    assert run(database, "SELECT %s, '100%%', %s", ["?", "%s"]) == [("?", "100%", "%s")]
    assert run(database, "SELECT %(b)s, %(a)s, '%%'", {"a": 1, "b": 2}) == [(2, 1, "%")]
    assert run(database, "SELECT '100%'") == [("100%",)]


def test_many_rows_are_taken_from_any_iterable_in_both_styles(database: BaseDatabaseWrapper) -> None:
    run(database, "CREATE TABLE many (a integer, b integer)")
    rows: Any = ((number, 1) for number in range(3))
    named: Any = iter([{"b": 2, "a": 7}])
    with database.cursor() as cursor:
        cursor.executemany("INSERT INTO many VALUES (%s, %s)", rows)
        cursor.executemany("INSERT INTO many VALUES (%(a)s, %(b)s)", named)
        cursor.executemany("INSERT INTO many VALUES (%s, %s)", [])
    assert run(database, "SELECT a, b FROM many ORDER BY a") == [(0, 1), (1, 1), (2, 1), (7, 2)]


def test_values_come_back_as_they_were_given(database: BaseDatabaseWrapper) -> None:
    run(
        database,
        "CREATE TABLE kinds (a bool, b date, c time, d datetime, e timestamp, f decimal, g blob, h varchar)",
    )
    moment = datetime.datetime(2024, 2, 29, 23, 59, 59, 123456)  # noqa: DTZ001  # as the column holds it
    given = (
        True,
        moment.date(),
        "23:59:59.123456",
        moment,
        moment,
        Decimal("1.10"),
        bytes(range(256)),
        str(uuid.UUID(int=1)),
    )
    run(database, "INSERT INTO kinds VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", given)
    ((a, b, c, d, e, f, g, h),) = run(database, "SELECT * FROM kinds")
    assert (a, b, c, d, e) == (True, moment.date(), moment.time(), moment, moment)
    assert (Decimal(str(f)), g, h) == (Decimal("1.1"), given[6], given[7])


def test_djangos_functions_and_patterns_are_there(database: BaseDatabaseWrapper) -> None:
    assert run(database, "SELECT django_date_extract('year', %s)", ["2024-02-29"]) == [(2024,)]
    assert run(database, "SELECT 'Abc' REGEXP '^A', JSON_EXTRACT('{\"a\": 1}', '$.a')") == [(1, 1)]


def test_errors_are_djangos(database: BaseDatabaseWrapper) -> None:
    run(database, "CREATE TABLE one (id integer PRIMARY KEY)")
    run(database, "INSERT INTO one VALUES (1)")
    with pytest.raises(IntegrityError):
        run(database, "INSERT INTO one VALUES (1)")
    with pytest.raises(OperationalError):
        run(database, "SELECT * FROM nowhere")
    with pytest.raises(ProgrammingError):
        run(database, "SELECT %s", [])


def test_the_durable_settings_hold(database: BaseDatabaseWrapper) -> None:
    pragmas = ("journal_mode", "synchronous", "foreign_keys")
    assert [run(database, f"PRAGMA {name}")[0][0] for name in pragmas] == ["wal", 2, 1]


def test_a_second_writer_waits_for_the_first(path: Path, django_db_blocker: Any) -> None:
    fill(path)
    began, may_end = threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        database = wrapper(path)
        database.set_autocommit(False)
        run(database, "INSERT INTO looked_for VALUES (2, 'first')")
        began.set()
        may_end.wait()
        order.append("first")
        database.commit()
        database.close()

    with django_db_blocker.unblock():
        thread = threading.Thread(target=first)
        thread.start()
        began.wait()
        threading.Timer(0.05, may_end.set).start()
        database = wrapper(path)
        run(database, "INSERT INTO looked_for VALUES (3, 'second')")
        order.append("second")
        database.close()
        thread.join()
    assert order == ["first", "second"]
    assert texts(path) == [PLANTED, "first", "second"]


def test_the_shell_of_an_encrypted_database_is_refused_with_what_to_use(
    database: BaseDatabaseWrapper,
) -> None:
    with pytest.raises(CommandError, match=r"manage\.py shell"):
        database.client.runshell([])


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="needs the program sqlite3")
def test_the_shell_of_a_plain_database_opens(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fill(path, encryption=False)
    database = wrapper(path, encryption=False)
    database.client.runshell(["SELECT text FROM looked_for"])
    assert capfd.readouterr().out.strip() == PLANTED

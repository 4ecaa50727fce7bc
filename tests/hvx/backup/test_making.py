"""One moment of the database, whatever is written meanwhile; parts; and what a back-up's content may be."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Account, Invite
from accounts.services import registration
from hvx.backup import container, making, records, restoring
from hvx.backup.errors import BackupFailed, RestoreRefused
from hvx.backup.parts import BackupPart
from hvx.backup.records import BadContent
from hvx.backup.snapshot import snapshot
from tests.people import DjangoWire, Person
from vault import keyring, keys
from vault.errors import CannotOpen
from vault.fields import SealedField
from vault.models import DataKey
from vault.rootkey import RootKey


class Blocks:
    """A part of two pieces."""

    name = "blocks"

    def __init__(self) -> None:
        self.loaded: list[bytes] = []

    def dump(self) -> Iterator[bytes]:
        yield b"first piece"
        yield b"\x00\xff"

    def load(self, pieces: Iterator[bytes]) -> None:
        self.loaded = list(pieces)


def content_of(path: Path) -> list[records.Record]:
    with path.open("rb") as source:
        vault_file = container.read_vault_file(source)
        return list(records.read(container.content(source, keys.root(), vault_file)))


def rows_of(path: Path, table: str) -> list[dict[str, Any]]:
    found = []
    for word, members in records.sections(content_of(path)):
        if isinstance(word, records.Table) and word.name == table:
            found = [dict(zip(word.columns, row, strict=True)) for row in members if isinstance(row, list)]
    return found


def nothing(_: str) -> None:
    """Says nothing."""


# --- one moment


@pytest.mark.django_db(transaction=True)
def test_what_is_written_while_it_is_made_is_not_in_it_and_nobody_waits(tmp_path: Path) -> None:
    registration.make_invite(uses=1, days=1)
    written: list[str] = []

    def meanwhile(said: str) -> None:
        # The first table is done; the invites come later.
        if not written:
            written.append(said)
            registration.make_invite(uses=5, days=1)

    making.make(tmp_path / "b.hvx", say=meanwhile)
    assert written
    assert Invite.objects.count() == 2
    assert [row["uses_left"] for row in rows_of(tmp_path / "b.hvx", "accounts_invite")] == [1]


@pytest.mark.django_db(transaction=True)
def test_a_ring_under_another_root_key_makes_no_back_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in DataKey.objects.all():
        material = keyring.unwrap(keys.root(), row).material
        row.wrapped = keyring.wrap(RootKey.new(), row, material)
        row.save()
    with pytest.raises(BackupFailed, match="if it is being replaced just now, try again"):
        making.make(tmp_path / "b.hvx", say=nothing)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_sealed_values_are_carried_as_they_are_and_opened_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    envelope: Any = Account.objects.values_list("email", flat=True).get()

    def opened(*_: object) -> None:
        raise AssertionError("a sealed value was opened")

    with monkeypatch.context() as patched:
        patched.setattr(SealedField, "open", opened)
        making.make(tmp_path / "b.hvx", say=nothing)
    [row] = rows_of(tmp_path / "b.hvx", "accounts_account")
    assert base64.b64decode(row["email"]) == envelope
    assert person.email.encode() not in (tmp_path / "b.hvx").read_bytes()


def changing(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the vault's file replaced after each of the first snapshots that are begun, before it is used."""
    taken = 0

    @contextmanager
    def late() -> Iterator[BaseDatabaseWrapper]:
        nonlocal taken
        with snapshot() as connection:
            taken += 1
            if taken <= times:
                path = keys.vault_path()
                path.write_bytes(path.read_bytes() + b"\n")
            yield connection

    monkeypatch.setattr(making, "snapshot", late)


@pytest.fixture
def vault_file() -> Iterator[bytes]:
    before = keys.vault_path().read_bytes()
    yield before
    keys.vault_path().write_bytes(before)


@pytest.mark.django_db(transaction=True)
def test_the_vaults_file_of_a_back_up_is_of_the_moment_of_its_rows(
    vault_file: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing(1, monkeypatch)
    making.make(tmp_path / "b.hvx", say=nothing)
    with (tmp_path / "b.hvx").open("rb") as source:
        assert container.read_vault_file(source) == vault_file + b"\n"


@pytest.mark.django_db(transaction=True)
def test_while_the_vaults_file_changes_again_and_again_there_is_no_back_up(
    vault_file: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing(1000, monkeypatch)
    with pytest.raises(BackupFailed, match="changes again and again"):
        making.make(tmp_path / "b.hvx", say=nothing)
    assert list(tmp_path.iterdir()) == []


# --- parts


@pytest.mark.django_db(transaction=True)
def test_parts_stand_in_the_back_up_piece_by_piece(tmp_path: Path) -> None:
    making.make(tmp_path / "b.hvx", parts=[Blocks()], say=nothing)
    found = [
        list(members)
        for word, members in records.sections(content_of(tmp_path / "b.hvx"))
        if word == records.Part("blocks")
    ]
    assert found == [[b"first piece", b"\x00\xff"]]


@pytest.mark.django_db(transaction=True)
def test_a_part_that_nobody_knows_is_refused_by_name(tmp_path: Path) -> None:
    making.make(tmp_path / "b.hvx", parts=[Blocks()], say=nothing)

    def root(_: bytes) -> RootKey:
        return keys.root()

    with (tmp_path / "b.hvx").open("rb") as source:
        with pytest.raises(RestoreRefused, match="parts that this version does not know: blocks"):
            restoring.examine(source, root, [])
        source.seek(0)
        known: BackupPart = Blocks()
        assert restoring.examine(source, root, [known]).counts.parts == {"blocks": 2}


@pytest.mark.django_db(transaction=True)
def test_what_is_restored_is_what_was_examined_and_not_what_has_taken_its_name(tmp_path: Path) -> None:
    path = tmp_path / "b.hvx"
    making.make(path, say=nothing)
    wanted = content_of(path)
    with path.open("rb") as source:
        examined = restoring.examine(source, lambda vault_file: keys.root(), [])
        registration.make_invite(uses=1, days=1)
        making.make(path, say=nothing, replace=True)
        assert content_of(path) != wanted
        assert list(examined.records()) == wanted


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", [len(container.MAGIC) + 4, -1])
def test_a_back_up_that_is_changed_once_it_was_examined_is_refused(tmp_path: Path, place: int) -> None:
    path = tmp_path / "b.hvx"
    making.make(path, say=nothing)
    whole = bytearray(path.read_bytes())
    whole[place] ^= 1
    with path.open("rb") as source:
        examined = restoring.examine(source, lambda vault_file: keys.root(), [])
        # The same file, written into.
        path.write_bytes(whole)
        with pytest.raises(CannotOpen):
            list(examined.records())


# --- the container


def test_a_back_up_with_another_vaults_file_of_the_same_root_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.hvx"
    with path.open("wb") as file:
        container.begin(file, keys.root(), b'{"passphrase": "new"}').finish()
    with path.open("rb") as source:
        # As it is: the check below is not one that fails for anything.
        stands = container.read_vault_file(source)
        assert b"".join(container.content(source, keys.root(), stands)) == b""
    path.write_bytes(path.read_bytes().replace(b'"new"', b'"old"'))
    with path.open("rb") as source:
        stands = container.read_vault_file(source)
        assert stands == b'{"passphrase": "old"}'
        with pytest.raises(CannotOpen):
            list(container.content(source, keys.root(), stands))


def test_a_back_up_under_another_root_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.hvx"
    with path.open("wb") as file:
        container.begin(file, RootKey.new(), b"{}").finish()
    with pytest.raises(CannotOpen, match="another root key"):
        content_of(path)


@pytest.mark.parametrize("vault_file", [b"", bytes(container.LONGEST_VAULT_FILE + 1)])
def test_a_vaults_file_that_is_empty_or_too_long_is_not_written(vault_file: bytes, tmp_path: Path) -> None:
    with (tmp_path / "b").open("wb") as file, pytest.raises(ValueError, match="1 to 65536 bytes"):
        container.begin(file, RootKey.new(), vault_file)


# --- the content

HEAD = records.Head("2026-01-01T00:00:00+00:00", "1", "https://hvx.example", "sqlite", (("a", "b", "c"),))
TABLE = records.Table("t", ("a", "b"))


def content(*parts: records.Record) -> list[bytes]:
    return [records.line(part) for part in parts]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param([], id="nothing"),
        pytest.param(content(HEAD), id="no end"),
        pytest.param(content(records.Counts()), id="no head"),
        pytest.param(content(HEAD, HEAD, records.Counts()), id="two heads"),
        pytest.param(content(HEAD, records.Counts(), records.Counts()), id="two ends"),
        pytest.param(content(HEAD, records.Counts(), TABLE), id="something after the end"),
        pytest.param(content(HEAD, [1, 2], records.Counts()), id="a row of no table"),
        pytest.param(content(HEAD, b"piece", records.Counts()), id="a piece of no part"),
        pytest.param(content(HEAD, TABLE, [1], records.Counts({"t": 1})), id="a short row"),
        pytest.param(content(HEAD, TABLE, b"piece", records.Counts({"t": 0})), id="a piece in a table"),
        pytest.param(content(HEAD, TABLE, TABLE, records.Counts({"t": 0})), id="a table twice"),
        pytest.param(content(HEAD, TABLE, [1, 2], records.Counts({"t": 2})), id="a row too few"),
        pytest.param(content(HEAD, TABLE, [1, 2], records.Counts({"t": 0})), id="a row too many"),
        pytest.param(content(HEAD, TABLE, records.Counts()), id="a table not counted"),
        pytest.param([*content(HEAD), b"\n"], id="an empty line"),
        pytest.param([*content(HEAD), b'{"tables": 1}\n'], id="an unknown word"),
        pytest.param([*content(HEAD), b"[1"], id="a line without an end"),
        pytest.param([b'{"backup": 2, "migrations": []}\n'], id="another version"),
        pytest.param([b'{"backup": 1, "migrations": [[1]]}\n'], id="half a migration"),
        pytest.param([*content(HEAD, records.Part("p")), b'"!"\n'], id="no base64"),
    ],
)
def test_content_of_another_form_is_refused(broken: list[bytes]) -> None:
    with pytest.raises(BadContent):
        list(records.read(broken))


json_values = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text())


@given(
    rows=st.lists(st.lists(json_values, min_size=2, max_size=2)),
    pieces=st.lists(st.binary()),
    size=st.integers(1, 50),
)
def test_what_was_written_is_read_whatever_pieces_it_comes_in(
    rows: list[records.Row], pieces: list[bytes], size: int
) -> None:
    end = records.Counts({"t": len(rows)}, {"p": len(pieces)})
    wanted: list[records.Record] = [HEAD, TABLE, *rows, records.Part("p"), *pieces, end]
    whole = b"".join(records.line(record) for record in wanted)
    chunks = [whole[start : start + size] for start in range(0, len(whole), size)]
    assert list(records.read(chunks)) == wanted


def test_a_value_of_an_unknown_kind_is_not_guessed_at() -> None:
    with pytest.raises(orjson.JSONEncodeError):
        records.line([object()])

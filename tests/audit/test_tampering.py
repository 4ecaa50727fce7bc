"""Every way to change the audit behind the server's back is found and named."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import Error, connection, transaction

from audit import head_file, verification
from audit.checkpoints import checkpoint
from audit.events import Event
from audit.faults import Report
from audit.models import AuditChain, AuditRow
from audit.queries import verify
from audit.services import chain_of, record
from tests.audit.emptying import unguarded

pytestmark = pytest.mark.django_db

ALICE = "00000000-0000-4000-8000-00000000000a"
BOB = "00000000-0000-4000-8000-00000000000b"
ROWS = 8
COLUMNS = "chain, sequence, at, event, details, device_mac, network_mac, subject_mac, previous, hash"

Found = list[tuple[str, str, int | None]]


@pytest.fixture
def alice() -> str:
    """The name of a chain of eight rows; there is another of eight, and the server's."""
    for count in range(ROWS):
        for account in (ALICE, BOB):
            record(Event.LOGIN, account=account, device=f"d{count}", subject="s", details={"count": count})
    record(Event.INVITE_MADE)
    return chain_of(ALICE)


@pytest.fixture
def open_to_all() -> Iterator[None]:
    with unguarded():
        yield


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount, "nothing was tampered with"


def faults(chain: str | None = None) -> Found:
    """What is found in one chain, after which nothing may be left of any other."""
    report = verify()
    assert report.count == len(report.faults)
    found = [(str(one.kind), one.chain, one.sequence) for one in report.faults if one.kind != "trigger"]
    if chain is not None:
        assert {place for _, place, _ in found} <= {chain}
    return found


def test_a_whole_audit_has_no_fault(alice: str) -> None:
    report = verify()
    assert report.whole
    assert report.faults == []
    assert report.rows == AuditRow.objects.count()
    assert report.chains == AuditChain.objects.count() == 3


CHANGES: dict[str, Any] = {
    "at": "2020-01-01 00:00:00+00:00",
    "event": "device_added",
    "details": '{"count":99}',
    "device_mac": bytes(32),
    "network_mac": bytes(32),
    "subject_mac": b"",
    "previous": bytes(32),
    "hash": bytes(32),
}


@pytest.mark.usefixtures("open_to_all")
@pytest.mark.parametrize("place", [1, 4, ROWS])
@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_column_is_found(alice: str, column: str, place: int) -> None:
    value = CHANGES[column]
    sql(f"UPDATE audit_auditrow SET {column} = %s WHERE chain = %s AND sequence = %s", value, alice, place)  # noqa: S608
    assert faults(alice) == [("changed", alice, place)]


def test_every_column_is_one_that_a_change_of_is_found() -> None:
    assert {*CHANGES, "chain", "sequence"} == set(COLUMNS.split(", "))
    assert [field.column for field in AuditRow._meta.concrete_fields] == COLUMNS.split(", ")


@pytest.mark.usefixtures("open_to_all")
@pytest.mark.parametrize("place", [1, 4, ROWS])
def test_a_removed_row_is_found(alice: str, place: int) -> None:
    sql("DELETE FROM audit_auditrow WHERE chain = %s AND sequence = %s", alice, place)
    assert faults(alice) == [("removed", alice, place)]


@pytest.mark.usefixtures("open_to_all")
def test_several_removed_rows_are_all_named(alice: str) -> None:
    sql("DELETE FROM audit_auditrow WHERE chain = %s AND sequence IN (2, 3, 7, 8)", alice)
    assert faults(alice) == [("removed", alice, place) for place in (2, 3, 7, 8)]


@pytest.mark.usefixtures("open_to_all")
@pytest.mark.parametrize("place", [1, 4])
def test_a_removed_row_is_found_though_the_others_have_closed_up(alice: str, place: int) -> None:
    sql("DELETE FROM audit_auditrow WHERE chain = %s AND sequence = %s", alice, place)
    for later in range(place + 1, ROWS + 1):
        sql(
            "UPDATE audit_auditrow SET sequence = sequence - 1 WHERE chain = %s AND sequence = %s",
            alice,
            later,
        )
    found = faults(alice)
    assert ("removed", alice, place) in found
    assert [one for one in found if one[0] == "reordered"] == [
        ("reordered", alice, at) for at in range(place, ROWS)
    ]


@pytest.mark.usefixtures("open_to_all")
def test_a_removed_last_row_is_found_though_the_head_was_moved_back(alice: str) -> None:
    before = AuditRow.objects.get(chain=alice, sequence=ROWS - 1)
    sql("DELETE FROM audit_auditrow WHERE chain = %s AND sequence = %s", alice, ROWS)
    sql("UPDATE audit_auditchain SET length = %s, hash = %s WHERE chain = %s", ROWS - 1, before.hash, alice)
    assert faults(alice) == [("head", alice, None)]


@pytest.mark.usefixtures("open_to_all")
def test_an_inserted_row_at_the_end_is_found(alice: str) -> None:
    last = AuditRow.objects.get(chain=alice, sequence=ROWS)
    forge(alice, ROWS + 1, previous=last.hash)
    assert faults(alice) == [("inserted", alice, ROWS + 1)]


@pytest.mark.usefixtures("open_to_all")
@pytest.mark.parametrize("place", [1, 4, ROWS])
def test_an_inserted_row_in_between_is_found_and_so_are_those_that_made_room(alice: str, place: int) -> None:
    for later in range(ROWS, place - 1, -1):
        sql(
            "UPDATE audit_auditrow SET sequence = sequence + 1 WHERE chain = %s AND sequence = %s",
            alice,
            later,
        )
    forge(alice, place, previous=bytes(32))
    found = faults(alice)
    assert ("inserted", alice, place) in found
    assert len(found) == 1 + ROWS - place + 1
    assert {kind for kind, _, at in found if at != place} <= {"reordered"}


@pytest.mark.usefixtures("open_to_all")
def test_a_row_before_the_first_is_found(alice: str) -> None:
    forge(alice, 0, previous=b"")
    assert faults(alice) == [("inserted", alice, 0)]


def forge(chain: str, sequence: int, *, previous: bytes) -> None:
    """A row by somebody without the key."""
    one = AuditRow.objects.filter(chain=chain).order_by("sequence")[0]
    one.sequence, one.previous, one.hash = sequence, previous, bytes(range(32))
    AuditRow.objects.bulk_create([one])


@pytest.mark.usefixtures("open_to_all")
@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 7), (1, ROWS)])
def test_two_rows_that_changed_places_are_found(alice: str, one: int, other: int) -> None:
    move = "UPDATE audit_auditrow SET sequence = %s WHERE chain = %s AND sequence = %s"
    for old, new in ((one, 99), (other, one), (99, other)):
        sql(move, new, alice, old)
    assert faults(alice) == [("reordered", alice, one), ("reordered", alice, other)]


@pytest.mark.usefixtures("open_to_all")
def test_rows_swapped_between_chains_are_found_and_it_is_said_whose_they_are(alice: str) -> None:
    bob = chain_of(BOB)
    swap = "UPDATE audit_auditrow SET chain = %s, sequence = %s WHERE chain = %s AND sequence = %s"
    sql(swap, "aside", 1, alice, 3)
    sql(swap, alice, 3, bob, 5)
    sql(swap, bob, 5, "aside", 1)
    report = verify()
    named = {fault.chain: fault for fault in report.faults if fault.kind == "changed"}
    assert {(chain, fault.sequence) for chain, fault in named.items()} == {(alice, 3), (bob, 5)}
    assert f"row 5 of {bob}" in str(named[alice])
    assert f"row 3 of {alice}" in str(named[bob])


@pytest.mark.usefixtures("open_to_all")
def test_a_copy_of_a_row_is_found(alice: str) -> None:
    one = AuditRow.objects.get(chain=alice, sequence=4)
    one.sequence = ROWS + 1
    AuditRow.objects.bulk_create([one])
    assert faults(alice) == [("inserted", alice, ROWS + 1)]


@pytest.mark.usefixtures("open_to_all")
def test_rows_without_a_head_are_found(alice: str) -> None:
    sql("DELETE FROM audit_auditchain WHERE chain = %s", alice)
    assert faults(alice) == [("head", alice, None)]


@pytest.mark.usefixtures("open_to_all")
@pytest.mark.parametrize("column", ["length", "hash", "seal", "checkpointed"])
def test_an_edited_head_is_found(alice: str, column: str) -> None:
    value = {"length": ROWS + 5, "checkpointed": ROWS + 5}.get(column, bytes(32))
    sql(f"UPDATE audit_auditchain SET {column} = %s WHERE chain = %s", value, alice)  # noqa: S608
    assert ("head", alice, None) in faults(alice)


@pytest.mark.usefixtures("open_to_all")
def test_a_chain_put_back_without_its_head_is_found(alice: str) -> None:
    sql("DELETE FROM audit_auditrow WHERE chain = %s", alice)
    assert faults(alice) == [("removed", alice, place) for place in range(1, ROWS + 1)]


@pytest.mark.usefixtures("open_to_all")
def test_an_older_head_put_back_is_found(alice: str) -> None:
    older = AuditChain.objects.get(chain=alice)
    record(Event.LOGIN, account=ALICE)
    sql(
        "UPDATE audit_auditchain SET length = %s, hash = %s, seal = %s WHERE chain = %s",
        *(older.length, older.hash, older.seal, alice),
    )
    assert faults(alice) == [("head", alice, None)]


@pytest.mark.usefixtures("open_to_all")
@pytest.mark.parametrize("value", ["no time", 7, "2026-99-99 00:00:00"])
def test_a_row_that_cannot_even_be_read_is_found(alice: str, value: Any) -> None:
    change = "UPDATE audit_auditrow SET at = %s WHERE chain = %s AND sequence = 4"
    if connection.vendor == "postgresql":
        # It holds its columns to their types, so there is nothing to find.
        with pytest.raises(Error), transaction.atomic():
            sql(change, value, alice)
        return
    sql(change, value, alice)
    sql("UPDATE audit_auditrow SET hash = 1000000000000 WHERE chain = %s AND sequence = 6", alice)
    assert faults(alice) == [("changed", alice, 4), ("changed", alice, 6)]


# --- What only a checkpoint tells ------------------------------------------------------------------


def put_back(chain: str, length: int) -> None:
    """A chain as it was at an earlier time, its own head with it: for who kept a copy."""
    from audit import keys

    row = AuditRow.objects.get(chain=chain, sequence=length)
    head = AuditChain(chain=chain, length=length, hash=row.hash)
    sql("DELETE FROM audit_auditrow WHERE chain = %s AND sequence > %s", chain, length)
    sql(
        "UPDATE audit_auditchain SET length = %s, hash = %s, seal = %s, checkpointed = 0 WHERE chain = %s",
        *(length, row.hash, head.sealed_under(keys.current().chain), chain),
    )


@pytest.mark.usefixtures("open_to_all")
def test_a_chain_put_back_with_its_head_is_found_by_the_checkpoint(alice: str) -> None:
    assert checkpoint() == 1
    put_back(alice, 5)
    # Its head says of the checkpoint, too, what it said before.
    assert faults(alice) == [("checkpoint", alice, ROWS), ("checkpoint", alice, None)]
    for _ in range(5):
        record(Event.LOGIN, account=ALICE)
    assert faults(alice) == [("checkpoint", alice, ROWS), ("checkpoint", alice, None)]
    checkpoint()
    assert faults(alice) == [("checkpoint", alice, ROWS)]


@pytest.mark.usefixtures("open_to_all")
def test_a_whole_chain_gone_with_its_head_is_found_by_the_checkpoint(alice: str) -> None:
    checkpoint()
    sql("DELETE FROM audit_auditrow WHERE chain = %s", alice)
    sql("DELETE FROM audit_auditchain WHERE chain = %s", alice)
    assert faults(alice) == [("checkpoint", alice, ROWS)]


def mark_as_taken(chain: str, length: int) -> None:
    sql("UPDATE audit_auditchain SET checkpointed = %s WHERE chain = %s", length, chain)


def kept_copy(chain: str) -> tuple[Any, ...]:
    """A head, for who puts it back later."""
    head = AuditChain.objects.get(chain=chain)
    return (head.length, head.hash, head.seal, head.checkpointed)


def put_copy_back(chain: str, copy: tuple[Any, ...]) -> None:
    sql("DELETE FROM audit_auditrow WHERE chain = %s AND sequence > %s", chain, copy[0])
    sql(
        "UPDATE audit_auditchain SET length = %s, hash = %s, seal = %s, checkpointed = %s WHERE chain = %s",
        *(*copy, chain),
    )


@pytest.mark.usefixtures("open_to_all")
def test_a_chain_marked_as_taken_is_found(alice: str) -> None:
    checkpoint()
    record(Event.LOGIN_REFUSED, account=ALICE)
    mark_as_taken(alice, ROWS + 1)
    assert faults(alice) == [("head", alice, None), ("checkpoint", alice, None)]


@pytest.mark.usefixtures("open_to_all")
def test_a_chain_marked_as_taken_is_taken_by_the_next_checkpoint_and_cannot_be_put_back(
    alice: str, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint()
    copy = kept_copy(alice)
    record(Event.LOGIN_REFUSED, account=ALICE)
    mark_as_taken(alice, ROWS + 1)
    assert checkpoint() == 1
    assert caplog.messages.count("the head of an audit chain was changed") == 1
    assert faults() == [("head", alice, None)]
    assert checkpoint() == 0
    put_copy_back(alice, copy)
    assert faults(alice) == [("checkpoint", alice, ROWS + 1), ("checkpoint", alice, None)]


@pytest.mark.usefixtures("open_to_all")
def test_a_chain_marked_as_taken_before_its_next_row_is_taken_all_the_same(alice: str) -> None:
    checkpoint()
    copy = kept_copy(alice)
    mark_as_taken(alice, ROWS + 1)
    record(Event.LOGIN_REFUSED, account=ALICE)
    assert faults(alice) == [("head", alice, None), ("checkpoint", alice, None)]
    assert checkpoint() == 1
    put_copy_back(alice, copy)
    assert faults(alice) == [("checkpoint", alice, ROWS + 1), ("checkpoint", alice, None)]


@pytest.mark.usefixtures("open_to_all")
def test_a_head_that_was_moved_back_stays_found_whatever_is_written_after(alice: str) -> None:
    before = AuditRow.objects.get(chain=alice, sequence=ROWS - 1)
    sql("DELETE FROM audit_auditrow WHERE chain = %s AND sequence = %s", alice, ROWS)
    sql("UPDATE audit_auditchain SET length = %s, hash = %s WHERE chain = %s", ROWS - 1, before.hash, alice)
    assert checkpoint() == 1
    assert faults(alice) == [("head", alice, None)]
    record(Event.LOGIN, account=ALICE)
    checkpoint()
    assert checkpoint() == 0
    assert faults(alice) == [("head", alice, None)]


@pytest.mark.usefixtures("open_to_all")
def test_a_mark_of_an_earlier_time_is_found_though_its_seal_is_genuine(alice: str) -> None:
    """As of a copy that was made while the mark was older, under a length that is the same."""
    from audit import keys

    older = AuditChain.objects.get(chain=alice)
    checkpoint()
    assert older.is_genuine(keys.current().chain)
    mark_as_taken(alice, older.checkpointed)
    sql("UPDATE audit_auditchain SET seal = %s WHERE chain = %s", older.seal, alice)
    assert faults(alice) == [("checkpoint", alice, None)]


def test_a_checkpoint_that_falls_into_the_walk_is_no_fault(
    alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint()
    compare = verification._compare_marks

    def late(server: Any, report: Report) -> None:
        record(Event.LOGIN, account=ALICE)
        checkpoint()
        compare(server, report)

    monkeypatch.setattr(verification, "_compare_marks", late)
    assert verify().faults == []


def test_a_checkpoint_is_written_once_and_only_of_what_grew(alice: str) -> None:
    assert checkpoint() == 1
    assert checkpoint() == 0
    record(Event.LOGIN, account=BOB)
    assert checkpoint() == 1
    row = AuditRow.objects.filter(event=Event.CHECKPOINT).latest("sequence")
    assert list(json.loads(row.details)) == [chain_of(BOB)]
    assert verify().checkpoints == 2


def test_many_chains_take_several_rows() -> None:
    for count in range(101):
        record(Event.LOGIN, account=str(count))
    assert checkpoint() == 2
    assert verify().whole


@pytest.mark.usefixtures("open_to_all")
def test_a_server_chain_put_back_is_found_by_the_file_beside_the_database(alice: str, data_dir: Path) -> None:
    checkpoint()
    record(Event.INVITE_MADE)
    checkpoint()
    assert faults() == []
    assert verify().head_file
    path = data_dir / "audit.head"
    assert path.stat().st_mode & 0o777 == 0o600
    length = json.loads(path.read_text())["length"]
    put_back("server", length - 1)
    assert faults("server") == [("head_file", "server", length)]


def test_a_file_that_is_no_head_is_said_to_be_none(alice: str, data_dir: Path) -> None:
    checkpoint()
    for content in ("", "{}", '{"length": "x", "hash": 1}', "[]"):
        (data_dir / "audit.head").write_text(content)
        assert [kind for kind, _, _ in faults()] == ["head_file"]
    assert head_file.path() == data_dir / "audit.head"

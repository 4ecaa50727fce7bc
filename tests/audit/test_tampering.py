"""Every way to change the audit behind the server's back is found and named."""

from typing import Any

import pytest
from django.db import Error, connection, transaction

from audit import walk
from audit.events import Event
from audit.models import AuditChain, AuditRow
from audit.queries import verify
from audit.services import chain_of, record
from tests.audit.tampering import ALICE, BOB, ROWS, faults, sql

pytestmark = pytest.mark.django_db

COLUMNS = "chain, sequence, at, event, details, device_mac, network_mac, subject_mac, previous, hash"


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


@pytest.mark.usefixtures("open_to_all")
def test_a_changed_last_row_is_named_so_though_the_head_is_gone(alice: str) -> None:
    sql("UPDATE audit_auditrow SET event = 'x' WHERE chain = %s AND sequence = %s", alice, ROWS)
    sql("DELETE FROM audit_auditchain WHERE chain = %s", alice)
    assert faults(alice) == [("head", alice, None), ("changed", alice, ROWS)]


@pytest.mark.usefixtures("open_to_all")
@pytest.mark.parametrize(("first", "last"), [(3, 6), (4, ROWS)])
def test_a_long_gap_is_one_fault_that_names_both_ends(
    alice: str, first: int, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MOST_REMEMBERED", 3)
    sql("DELETE FROM audit_auditrow WHERE chain = %s AND sequence BETWEEN %s AND %s", alice, first, last)
    assert faults(alice) == [("removed", alice, first)]
    assert f"the rows from here to {last} are gone" in str(verify().faults[-1])


@pytest.mark.usefixtures("open_to_all")
def test_however_many_rows_are_false_no_more_are_remembered_than_agreed_and_each_is_named(
    alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MOST_REMEMBERED", 3)
    remembered = []
    note_false = walk.Walk._note_false

    def noted(self: walk.Walk, place: int, known: str) -> None:
        note_false(self, place, known)
        remembered.append(len(self.false))

    monkeypatch.setattr(walk.Walk, "_note_false", noted)
    sql("UPDATE audit_auditrow SET event = 'x' WHERE chain = %s", alice)
    assert {place for _, _, place in faults(alice)} == set(range(1, ROWS + 1))
    assert max(remembered) == 3

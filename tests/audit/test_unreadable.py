"""Columns that hold what they cannot hold, which SQLite lets them: named, and in nobody else's way."""

from collections.abc import Iterator

import pytest
from django.db import Error, connection, transaction

from audit.checkpoints import checkpoint
from audit.errors import AuditUnavailable
from audit.events import Event
from audit.models import AuditChain, AuditRow
from audit.queries import verify
from audit.services import chain_of, record
from tests.audit.emptying import unguarded

pytestmark = pytest.mark.django_db

ALICE = "00000000-0000-4000-8000-00000000000a"
BOB = "00000000-0000-4000-8000-00000000000b"

VALUES = ["'abc'", "''", "x'00'", "7", "-1", "1e300", "9223372036854775807", "CAST(x'ff' AS TEXT)"]
HEAD_COLUMNS = ["length", "hash", "seal", "checkpointed"]


@pytest.fixture(autouse=True)
def open_to_all() -> Iterator[None]:
    with unguarded():
        for account in (ALICE, BOB):
            for _ in range(3):
                record(Event.LOGIN, account=account)
        checkpoint()
        record(Event.LOGIN, account=ALICE)
        yield


def spoil(table: str, column: str, value: str, where: str) -> bool:
    """Whether the database lets this value stand there."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {column} = {value} WHERE {where}")  # noqa: S608
            return bool(cursor.rowcount)
    except Error:
        return False


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("column", [field.column for field in AuditRow._meta.concrete_fields])
@pytest.mark.parametrize("chain", ["account", "server"])
def test_whatever_a_rows_column_holds_it_is_named_and_the_walk_goes_on(
    chain: str, column: str, value: str
) -> None:
    place = f"chain LIKE '{chain}%' AND sequence = 1" + (
        f" AND chain = '{chain_of(ALICE)}'" if chain == "account" else ""
    )
    row = AuditRow.objects.filter(chain__startswith=chain, sequence=1).first()
    assert row is not None
    if value == "''" and getattr(row, column) == b"":
        # Text or bytes, nothing is nothing.
        return
    if not spoil("audit_auditrow", column, value, place):
        assert value != "x'00'" or connection.vendor == "postgresql"
        return
    report = verify()
    assert not report.whole
    if column != "chain":
        # Every row is looked at all the same.
        assert report.rows == AuditRow.objects.count()
    assert {fault.kind for fault in report.faults} - {"trigger"}
    assert all(isinstance(fault.chain, str) for fault in report.faults)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("column", HEAD_COLUMNS)
def test_whatever_a_heads_column_holds_it_is_named_and_no_other_chain_misses_its_checkpoint(
    column: str, value: str
) -> None:
    record(Event.LOGIN, account=BOB)
    alice, bob = chain_of(ALICE), chain_of(BOB)
    if not spoil("audit_auditchain", column, value, f"chain = '{alice}'"):
        assert value != "x'00'" or connection.vendor == "postgresql"
        return
    assert ("head", alice) in {(fault.kind, fault.chain) for fault in verify().faults}
    checkpoint()
    assert AuditChain.objects.defer(column).get(chain=bob).checkpointed == 4
    assert ("head", alice) in {(fault.kind, fault.chain) for fault in verify().faults}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("column", HEAD_COLUMNS)
def test_what_hangs_on_a_head_that_cannot_be_read_is_written_or_refused_and_never_something_else(
    column: str, value: str
) -> None:
    spoil("audit_auditchain", column, value, f"chain = '{chain_of(ALICE)}'")
    try:
        with transaction.atomic():
            record(Event.LOGIN, account=ALICE)
    except AuditUnavailable:
        assert AuditRow.objects.filter(chain=chain_of(ALICE)).count() == 4
    else:
        assert AuditRow.objects.filter(chain=chain_of(ALICE)).count() == 5


@pytest.mark.parametrize("value", VALUES)
def test_a_chain_whose_name_is_none_is_named_and_keeps_no_other_from_its_checkpoint(value: str) -> None:
    record(Event.LOGIN, account=BOB)
    if not spoil("audit_auditchain", "chain", value, f"chain = '{chain_of(ALICE)}'"):
        assert value != "x'00'" or connection.vendor == "postgresql"
        return
    assert ("head", chain_of(ALICE)) in {(fault.kind, fault.chain) for fault in verify().faults}
    checkpoint()
    assert AuditChain.objects.get(chain=chain_of(BOB)).checkpointed == 4

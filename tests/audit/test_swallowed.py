"""A database that takes a row and keeps it not: what is not there in the end was not written down."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from audit.checkpoints import checkpoint
from audit.errors import AuditUnavailable
from audit.events import Event
from audit.models import AuditChain, AuditRow
from audit.queries import verify
from audit.services import chain_of, record
from tests.audit.reading import rows

pytestmark = pytest.mark.django_db(transaction=True)

ALICE = "00000000-0000-4000-8000-00000000000a"
BOB = "00000000-0000-4000-8000-00000000000b"

TABLES = {"rows": ("INSERT", "audit_auditrow"), "heads": ("UPDATE", "audit_auditchain")}
NEW_HEADS = ("INSERT", "audit_auditchain")


@contextmanager
def swallowed(*writes: tuple[str, str]) -> Iterator[None]:
    """Inside, the database says of each of these that it was done, and does nothing."""
    statements, ends = [], []
    for event, table in writes:
        name = f"quiet_{event.lower()}_{table}"
        if connection.vendor == "postgresql":
            statements.append(f"CREATE RULE {name} AS ON {event} TO {table} DO INSTEAD NOTHING")
            ends.append(f"DROP RULE {name} ON {table}")
        else:
            statements.append(
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} BEGIN SELECT RAISE(IGNORE); END"
            )
            ends.append(f"DROP TRIGGER {name}")
    _run(statements)
    try:
        yield
    finally:
        _run(ends)


def _run(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize("which", [["rows"], ["heads"], ["rows", "heads"]])
def test_an_event_whose_row_or_head_is_swallowed_is_refused(which: list[str]) -> None:
    record(Event.LOGIN, account=ALICE)
    with swallowed(*(TABLES[one] for one in which)), pytest.raises(AuditUnavailable):
        record(Event.LOGIN, account=ALICE)
    assert rows().count() == 1
    assert verify().whole


def test_the_first_event_of_a_chain_whose_head_is_swallowed_is_refused() -> None:
    with swallowed(NEW_HEADS), pytest.raises(AuditUnavailable):
        record(Event.LOGIN, account=ALICE)
    assert not rows().exists()


@pytest.mark.parametrize("which", [["rows"], ["heads"], ["rows", "heads"]])
def test_a_checkpoint_that_is_swallowed_ends_and_is_refused(which: list[str]) -> None:
    record(Event.LOGIN, account=ALICE)
    record(Event.INVITE_MADE)
    with swallowed(*(TABLES[one] for one in which)), pytest.raises(AuditUnavailable):
        checkpoint()
    assert AuditChain.objects.get(chain=chain_of(ALICE)).checkpointed == 0
    assert not AuditRow.objects.filter(event=Event.CHECKPOINT).exists()
    assert checkpoint() == 1


def test_of_a_checkpoint_all_heads_are_marked_or_none() -> None:
    for account in (ALICE, BOB):
        record(Event.LOGIN, account=account)
    name, condition = chain_of(BOB), "WHEN NEW.chain = '{}'"
    if connection.vendor == "postgresql":
        make = (
            f"CREATE RULE quiet AS ON UPDATE TO audit_auditchain WHERE NEW.chain = '{name}' "
            "DO INSTEAD NOTHING"
        )
        end = "DROP RULE quiet ON audit_auditchain"
    else:
        make = (
            f"CREATE TRIGGER quiet BEFORE UPDATE ON audit_auditchain {condition.format(name)} "
            "BEGIN SELECT RAISE(IGNORE); END"
        )
        end = "DROP TRIGGER quiet"
    _run([make])
    with pytest.raises(AuditUnavailable):
        checkpoint()
    _run([end])
    assert checkpoint() == 1
    assert verify().whole

"""The guard itself: triggers that are missing, that bite no more, and what else turns statements aside."""

import pytest
from django.db import Error, connection, transaction

from audit import triggers
from audit.events import Event
from audit.models import AuditChain, AuditRow
from audit.queries import verify
from audit.services import chain_of, record
from tests.audit.emptying import remove_triggers

pytestmark = pytest.mark.django_db

ALICE = "00000000-0000-4000-8000-00000000000a"
BOB = "00000000-0000-4000-8000-00000000000b"


@pytest.fixture
def alice() -> str:
    for account in (ALICE, BOB):
        for _ in range(2):
            record(Event.LOGIN, account=account)
    return chain_of(ALICE)


def test_missing_triggers_are_named(alice: str) -> None:
    remove_triggers()
    assert trigger_faults() == [
        f"the trigger {name} is missing from the database" for name in triggers.names(connection)
    ]
    assert not verify().whole


def trigger_faults() -> list[str]:
    report = verify()
    assert {str(fault.kind) for fault in report.faults} <= {"trigger"}
    return [str(fault) for fault in report.faults]


def test_the_triggers_that_were_put_up_are_no_fault(alice: str) -> None:
    assert trigger_faults() == []


DEFANGED: dict[str, dict[str, list[str]]] = {
    "sqlite": {
        "the trigger audit_row_update is not the one that was put up, or not in force": [
            "DROP TRIGGER audit_row_update",
            "CREATE TRIGGER audit_row_update BEFORE UPDATE ON audit_auditrow WHEN 0 BEGIN SELECT 1; END",
        ],
        "the trigger audit_row_delete is missing from the database": [
            "DROP TRIGGER audit_row_delete",
            "CREATE TRIGGER audit_row_delete BEFORE DELETE ON vault_datakey WHEN 0 BEGIN SELECT 1; END",
        ],
        "audit_auditchain has a further trigger, quiet": [
            "CREATE TRIGGER quiet AFTER UPDATE ON audit_auditchain WHEN 0 BEGIN SELECT 1; END",
        ],
    },
    "postgresql": {
        "the trigger audit_head_update is not the one that was put up, or not in force": [
            "DROP TRIGGER audit_head_update ON audit_auditchain",
            (
                "CREATE TRIGGER audit_head_update BEFORE UPDATE ON audit_auditchain FOR EACH ROW "
                "WHEN (false) EXECUTE FUNCTION audit_refuse()"
            ),
            "ALTER TABLE audit_auditchain ENABLE ALWAYS TRIGGER audit_head_update",
        ],
        "the trigger audit_row_change is not the one that was put up, or not in force": [
            "ALTER TABLE audit_auditrow ENABLE TRIGGER audit_row_change",
        ],
        "the trigger audit_row_truncate is not the one that was put up, or not in force": [
            "ALTER TABLE audit_auditrow DISABLE TRIGGER audit_row_truncate",
        ],
        "the trigger audit_row_change is missing from the database": [
            "DROP TRIGGER audit_row_change ON audit_auditrow",
            (
                "CREATE TRIGGER audit_row_change BEFORE DELETE OR UPDATE ON vault_datakey FOR EACH ROW "
                "WHEN (false) EXECUTE FUNCTION audit_refuse()"
            ),
        ],
        "audit_auditchain has a further trigger, quiet": [
            (
                "CREATE TRIGGER quiet AFTER UPDATE ON audit_auditchain FOR EACH ROW "
                "WHEN (false) EXECUTE FUNCTION audit_refuse()"
            ),
        ],
    },
}


@pytest.mark.parametrize("place", range(max(map(len, DEFANGED.values()))))
def test_a_trigger_that_bears_the_name_and_does_not_bite_is_named(alice: str, place: int) -> None:
    ways = list(DEFANGED[connection.vendor].items())
    sentence, statements = ways[place % len(ways)]
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    assert sentence in trigger_faults()


def test_a_function_that_refuses_no_more_is_named(alice: str) -> None:
    if connection.vendor != "postgresql":
        # SQLite's triggers hold what they do themselves.
        assert all("RAISE(ABORT" in statement for statement in triggers._SQLITE.values())
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN RETURN NEW; END $$"
        )
    assert trigger_faults() == [
        f"the trigger {name} is not the one that was put up, or not in force"
        for name in sorted(triggers.names(connection))
    ]


ASIDE = {
    "audit_auditrow has a rule, quiet": (
        "CREATE RULE quiet AS ON INSERT TO audit_auditrow WHERE NEW.event = 'login' DO INSTEAD NOTHING"
    ),
    "audit_auditchain has a rule, quiet": (
        "CREATE RULE quiet AS ON UPDATE TO audit_auditchain DO ALSO NOTHING"
    ),
    "audit_auditrow is no plain table, or hides rows": "ALTER TABLE audit_auditrow ENABLE ROW LEVEL SECURITY",
}


@pytest.mark.parametrize("sentence", ASIDE)
def test_what_else_turns_statements_aside_is_named(alice: str, sentence: str) -> None:
    if connection.vendor != "postgresql":
        # A view in the table's place has no trigger of ours, and each is missed.
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_auditrow RENAME TO aside")
            cursor.execute("CREATE VIEW audit_auditrow AS SELECT * FROM aside")
        assert "the trigger audit_row_delete is missing from the database" in trigger_faults()
        return
    with connection.cursor() as cursor:
        cursor.execute(ASIDE[sentence])
    assert trigger_faults() == [sentence]


COLUMNS = "chain, sequence, at, event, details, device_mac, network_mac, subject_mac, previous, hash"
BY_ROWID = {
    "a row in the place of another chain's": (
        f"INSERT OR REPLACE INTO audit_auditrow (rowid, {COLUMNS}) "  # noqa: S608
        f"SELECT rowid, 'other', {COLUMNS.partition(', ')[2]} FROM audit_auditrow LIMIT 1"
    ),
    "a head in the place of another chain's": (
        "INSERT OR REPLACE INTO audit_auditchain (rowid, chain, length, hash, seal, checkpointed) "
        "SELECT rowid, 'other', 0, hash, seal, 0 FROM audit_auditchain LIMIT 1"
    ),
    "a head moved onto another": (
        "UPDATE OR REPLACE audit_auditchain SET rowid = (SELECT max(rowid) FROM audit_auditchain)"
    ),
}


@pytest.mark.parametrize("way", BY_ROWID)
def test_nothing_takes_the_place_of_a_row_by_its_rowid(alice: str, way: str) -> None:
    if connection.vendor == "postgresql":
        # It has no rowid: there is nothing to replace by.
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT rowid FROM audit_auditrow")
        return
    before = list(AuditRow.objects.values()), list(AuditChain.objects.values())
    with (
        pytest.raises(Error, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(BY_ROWID[way])
    assert (list(AuditRow.objects.values()), list(AuditChain.objects.values())) == before


def test_triggers_of_an_earlier_version_are_put_right_by_putting_them_up_again(alice: str) -> None:
    with connection.cursor() as cursor:
        for statement in next(iter(DEFANGED[connection.vendor].values())):
            cursor.execute(statement)
    assert trigger_faults()
    triggers.install(connection)
    triggers.install(connection)
    assert trigger_faults() == []

"""What one row is, and that it stands or falls with what it tells of."""

import json

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.utils import Error

from audit.context import asked_from
from audit.errors import AuditUnavailable
from audit.events import Event
from audit.models import AuditChain, AuditRow
from audit.services import chain_of, record
from tests.audit.emptying import unguarded
from tests.audit.reading import rows

ALICE = "00000000-0000-4000-8000-00000000000a"
BOB = "00000000-0000-4000-8000-00000000000b"


@pytest.mark.django_db
def test_a_row_follows_its_predecessor_and_the_head_names_the_last() -> None:
    record(Event.LOGIN, account=ALICE, device="hash", details={"kind": "password"})
    record(Event.LOGIN, account=ALICE)
    first, second = AuditRow.objects.filter(chain=chain_of(ALICE))
    assert (first.sequence, second.sequence) == (1, 2)
    assert bytes(first.previous) == b""
    assert bytes(second.previous) == bytes(first.hash)
    assert json.loads(first.details) == {"kind": "password"}
    head = AuditChain.objects.get(chain=chain_of(ALICE))
    assert (head.length, bytes(head.hash)) == (2, bytes(second.hash))


@pytest.mark.django_db
def test_equal_words_are_matched_and_not_read() -> None:
    with asked_from("198.51.100.7"):
        record(Event.LOGIN, account=ALICE, device="hash of a device")
        record(Event.LOGIN_REFUSED, account=BOB, subject="Alice@Example.org ")
    with asked_from("2001:db8:1:2:3::4"):
        record(Event.LOGIN_REFUSED, account=BOB, subject="alice@example.org")
    with asked_from("2001:db8:1:2::ffff"):
        record(Event.LOGIN, account=BOB, device="hash of a device")
    one, two, three, four = rows().order_by("at")
    assert bytes(one.device_mac) == bytes(four.device_mac) != b""
    assert bytes(two.subject_mac) == bytes(three.subject_mac) != b""
    assert bytes(one.network_mac) == bytes(two.network_mac)
    assert bytes(three.network_mac) == bytes(four.network_mac) != bytes(one.network_mac)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM audit_auditrow")
        held = repr([[bytes(x) if isinstance(x, memoryview) else x for x in row] for row in cursor])
    for word in (ALICE, BOB, "alice", "Alice", "hash of", "198.51", "2001:db8"):
        assert word not in held


@pytest.mark.django_db(transaction=True)
def test_a_row_goes_when_what_it_tells_of_is_rolled_back() -> None:

    def act() -> None:
        with transaction.atomic():
            record(Event.LOGIN, account=ALICE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act()
    assert not rows().exists()
    assert not AuditChain.objects.filter(chain__startswith="account:").exists()


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_written_down_does_not_happen_even_if_the_error_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise DatabaseError("the disk is full")

    def act() -> None:
        with transaction.atomic():
            record(Event.LOGIN, account=BOB)
            monkeypatch.setattr("audit.services._hung_on", broken)
            try:
                record(Event.LOGIN, account=ALICE)
            except AuditUnavailable as refused:
                assert "disk" not in str(refused)

    act()
    assert not rows().exists()


@pytest.mark.django_db
@pytest.mark.parametrize("details", [{"a": {"b": 1}}, {"a": b"raw"}, {"a": ["list"]}])
def test_details_are_flat(details: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        record(Event.LOGIN, account=ALICE, details=details)  # type: ignore[arg-type]


@pytest.mark.django_db
def test_details_are_no_text() -> None:
    with pytest.raises(ValueError, match="few words"):
        record(Event.LOGIN, account=ALICE, details={"a": "x" * 2000})


CHANGES = [
    "UPDATE audit_auditrow SET event = 'logout'",
    "UPDATE audit_auditrow SET hash = hash",
    "DELETE FROM audit_auditrow",
    "DELETE FROM audit_auditchain",
    "UPDATE audit_auditchain SET length = length - 1",
    "UPDATE audit_auditchain SET chain = 'other'",
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("statement", CHANGES)
def test_the_database_itself_refuses_to_change_or_remove(statement: str) -> None:
    record(Event.LOGIN, account=ALICE)
    with pytest.raises(Error, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement)
    assert rows().count() == 1
    assert AuditChain.objects.get(chain=chain_of(ALICE)).length == 1
    with unguarded(), connection.cursor() as cursor:
        cursor.execute(statement)


# What takes triggers out of one's own way without touching them, where the database has such a thing.
EVASIONS = {
    "postgresql": ("SET session_replication_role = replica", "RESET session_replication_role"),
    "sqlite": ("PRAGMA recursive_triggers = OFF", "PRAGMA recursive_triggers = OFF"),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("statement", CHANGES)
def test_the_database_itself_refuses_who_takes_triggers_for_not_meant(statement: str) -> None:
    record(Event.LOGIN, account=ALICE)
    evade, give_up = EVASIONS[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(evade)
        try:
            with pytest.raises(Error, match="append-only"):
                cursor.execute(statement)
        finally:
            cursor.execute(give_up)
    assert rows().count() == 1
    assert AuditChain.objects.get(chain=chain_of(ALICE)).length == 1


@pytest.mark.django_db(transaction=True)
def test_the_database_itself_refuses_what_would_replace_a_row() -> None:
    record(Event.LOGIN, account=ALICE)
    record(Event.LOGIN, account=ALICE)
    if connection.vendor == "postgresql":
        statements = ["TRUNCATE audit_auditrow", "TRUNCATE audit_auditchain"]
    else:
        statements = [
            "INSERT OR REPLACE INTO audit_auditrow SELECT * FROM audit_auditrow",
            "INSERT OR REPLACE INTO audit_auditchain SELECT chain, 0, hash, seal, 0 FROM audit_auditchain",
        ]
    for statement in statements:
        with pytest.raises(Error, match="append-only"), connection.cursor() as cursor:
            cursor.execute(statement)
    assert rows().count() == 2

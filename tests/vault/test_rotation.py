"""Rotating the key of sealed fields: what keeps the old key alive, what nobody loses, and the proof."""

import gc
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, models, transaction

from accounts.models import Account
from activitypub.models import ActorKey
from audit import head_file
from audit.errors import AuditUnavailable
from audit.events import Event
from audit.models import AuditRow
from devices.models import IdempotencyRecord, TokenKey
from tests.vault.models import Badge, Colleague, Contact, Employee
from vault import guards, keyring, resealing, rotation
from vault.envelope import KEY_ID
from vault.errors import CannotOpen, RootKeyMismatch
from vault.fields import SealedField
from vault.keyring import BLIND_INDEX, FIELDS, RingKey
from vault.models import DataKey
from vault.resealing import Batch, counts, sealed_tables
from vault.rootkey import RootKey
from vault.rotation import NotProven, begin, rotate

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "planted.alice@example.org"


@pytest.fixture(autouse=True)
def ring() -> Iterator[None]:
    """Nothing of a ring that a test has changed stays in memory."""
    keyring.load()
    yield
    keyring.forget()


@pytest.fixture
def contact() -> Contact:
    return Contact.objects.create(name="Alice", email=EMAIL, phone="555-0100")


def never(seconds: float) -> None:
    """A wait that takes no time, for tests without a process that must take up a key."""


def key_ids(model: type[models.Model], column: str) -> list[bytes]:
    """The key id of every value of a column, as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT substr({column}, 2, 16) FROM {model._meta.db_table} "  # noqa: S608
            f"WHERE {column} IS NOT NULL"
        )
        return [bytes(key_id) for (key_id,) in cursor.fetchall()]


def living() -> list[int]:
    rows = DataKey.objects.filter(purpose=FIELDS).exclude(wrapped=DataKey.DESTROYED)
    return sorted(row.generation for row in rows)


def put_raw(row: models.Model, column: str, value: bytes) -> None:
    pk = row._meta.pk
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {row._meta.db_table} SET {column} = %s WHERE {pk.column} = %s",  # noqa: S608
            [value, pk.get_db_prep_value(row.pk, connection)],
        )


def sealed_by(key: RingKey, row: models.Model, column: str, text: str) -> bytes:
    field: Any = row._meta.get_field(column)
    return key.seal(field._context(row.pk), text.encode())


def in_a_thread(work: Callable[[], None]) -> threading.Thread:
    """Work on a connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


# --- what keeps the old key


def test_a_value_that_does_not_open_keeps_its_key_and_is_named(contact: Contact) -> None:
    other = Contact.objects.create(email="bob@example.org")
    put_raw(other, "email", sealed_by(keyring.active(FIELDS), contact, "email", "moved"))
    with pytest.raises(NotProven, match=r"1 in vault_records_contact\.email"):
        rotate(wait=never)
    assert living() == [1, 2]
    assert Contact.objects.get(pk=contact.pk).email == EMAIL
    with pytest.raises(CannotOpen):
        _ = Contact.objects.get(pk=other.pk).email


def test_a_value_under_a_key_that_the_ring_does_not_hold_keeps_the_old_key(contact: Contact) -> None:
    stranger = keyring.RingKey(DataKey(purpose=FIELDS, generation=9), bytes(32))
    put_raw(contact, "phone", sealed_by(stranger, contact, "phone", "555"))
    with pytest.raises(NotProven, match=r"1 in vault_records_contact\.phone"):
        rotate(wait=never)
    assert living() == [1, 2]


def test_no_key_is_destroyed_that_the_audit_cannot_hear_of(
    contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin()

    def broken(*args: object, **kwargs: object) -> None:
        raise AuditUnavailable

    monkeypatch.setattr(rotation, "record", broken)
    with pytest.raises(AuditUnavailable):
        rotate(wait=never)
    assert living() == [1, 2]


def test_no_generation_begins_under_a_root_key_that_another_machine_has_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = DataKey.objects.get(purpose=FIELDS)
    material = keyring.active(FIELDS).material
    generations = keyring.generations

    def and_then_replaced(purpose: str) -> list[RingKey]:
        found = generations(purpose)
        row.wrapped = keyring.wrap(RootKey.new(), row, material)
        row.save()
        return found

    monkeypatch.setattr(keyring, "generations", and_then_replaced)
    with pytest.raises(RootKeyMismatch):
        begin()
    assert living() == [1]


def test_no_generation_begins_that_the_audit_cannot_hear_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise AuditUnavailable

    monkeypatch.setattr(rotation, "record", broken)
    with pytest.raises(AuditUnavailable):
        begin()
    assert living() == [1]


def test_no_generation_begins_inside_a_transaction_that_may_roll_back() -> None:
    with pytest.raises(RuntimeError, match="inside a transaction"), transaction.atomic():
        begin()
    assert living() == [1]


# --- writers beside it


def test_a_value_written_meanwhile_is_not_overwritten_by_the_older(
    contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal_anew = resealing._sealed_anew

    def and_then_somebody_writes(*arguments: Any) -> Any:
        changes = seal_anew(*arguments)
        Contact.objects.get(pk=contact.pk).delete() if deleted else late.save()
        return changes

    for deleted in (False, True):
        late = Contact.objects.get(pk=contact.pk)
        late.email = "late@example.org"
        with monkeypatch.context() as patch:
            patch.setattr(resealing, "_sealed_anew", and_then_somebody_writes)
            rotate(wait=never)
        if not deleted:
            assert Contact.objects.get(pk=contact.pk).email == "late@example.org"
    assert not Contact.objects.filter(pk=contact.pk).exists()


def test_what_a_straggler_seals_under_the_old_key_is_found_by_the_second_sweep(contact: Contact) -> None:
    old = keyring.active(FIELDS)
    straggler = Contact.objects.create(email="bob@example.org")

    def sealed_late(seconds: float) -> None:
        put_raw(straggler, "email", sealed_by(old, straggler, "email", "straggler@example.org"))

    proof = rotate(wait=lambda seconds: sealed_late(seconds) if seconds > 1 else None)
    assert {count.generation for count in proof} == {2}
    assert Contact.objects.get(pk=straggler.pk).email == "straggler@example.org"


def test_what_is_sealed_under_a_destroyed_key_is_refused_by_the_database(contact: Contact) -> None:
    old = keyring.active(FIELDS)
    rotate(wait=never)
    for column in ("email", "phone"):
        with pytest.raises(IntegrityError, match="retired"), transaction.atomic():
            put_raw(contact, column, sealed_by(old, contact, column, "too late"))
    late = Colleague(email="late@example.org")
    keyring._ring.active[FIELDS] = old
    with pytest.raises(IntegrityError, match="retired"), transaction.atomic():
        late.save()
    assert Contact.objects.get(pk=contact.pk).email == EMAIL
    assert not Colleague.objects.exists()


def test_a_refusal_holds_for_every_retired_key_and_through_a_migration(contact: Contact) -> None:
    first = keyring.active(FIELDS)
    rotate(wait=never)
    second = keyring.active(FIELDS)
    rotate(wait=never)

    def all_are_refused() -> None:
        for key in (first, second):
            with pytest.raises(IntegrityError, match="retired"), transaction.atomic():
                put_raw(contact, "email", sealed_by(key, contact, "email", "too late"))

    all_are_refused()
    # The audit was emptied after the test before this one, behind its head's back.
    head_file.path().unlink(missing_ok=True)
    call_command("migrate", verbosity=0, acknowledge=["all"])
    all_are_refused()


def test_a_row_is_written_piece_by_piece_while_it_waits_to_be_sealed_anew(contact: Contact) -> None:
    new, older = begin()
    for table in sealed_tables():
        rotation.guard(table, [key.id for key in older])
    Contact.objects.filter(pk=contact.pk).update(name="Bob")
    contact.phone = "555-0199"
    contact.save(update_fields=["phone"])
    assert key_ids(Contact, "phone") == [new.id]
    assert key_ids(Contact, "email") == [older[0].id]
    assert Contact.objects.get(pk=contact.pk).name == "Bob"


def test_what_stands_under_the_old_key_behind_the_guard_is_sealed_anew(contact: Contact) -> None:
    new, older = begin()
    for table in sealed_tables():
        rotation.guard(table, [key.id for key in older])
    rotate(wait=never)
    found = Contact.objects.get(pk=contact.pk)
    assert (found.email, found.phone) == (EMAIL, "555-0100")
    assert key_ids(Contact, "email") == key_ids(Contact, "phone") == [new.id]


def test_a_migration_may_drop_a_guarded_column(contact: Contact) -> None:
    rotate(wait=never)
    guards.step_aside()
    with connection.schema_editor() as editor:
        editor.remove_field(Contact, Contact._meta.get_field("photo"))
        field = SealedField(binary=True, null=True)
        field.set_attributes_from_name("photo")
        field.model = Contact
        editor.add_field(Contact, field)
    assert Contact.objects.get(pk=contact.pk).photo is None


def test_a_row_that_somebody_has_locked_is_sealed_anew_when_it_is_free(
    contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, release = threading.Event(), threading.Event()

    def writer() -> None:
        with transaction.atomic():
            mine = Contact.objects.select_for_update().get(pk=contact.pk)
            mine.phone = "555-0199"
            mine.save(update_fields=["phone"])
            locked.set()
            assert release.wait(30)

    begin()
    thread = in_a_thread(writer)
    assert locked.wait(30)
    seal_anew, waited = resealing._sealed_anew, []

    def about_to_write(*arguments: Any) -> Any:
        # SQLite has one lock for all: there the rotation waits for the writer at this write.
        if connection.vendor == "sqlite":
            release.set()
        return seal_anew(*arguments)

    def wait(seconds: float) -> None:
        waited.append(seconds)
        # PostgreSQL lets it pass by, until nothing but this row is left.
        if seconds == rotation._PAUSE_SECONDS:
            release.set()
            thread.join(30)

    monkeypatch.setattr(resealing, "_sealed_anew", about_to_write)
    rotate(wait=wait)
    thread.join(30)
    assert (rotation._PAUSE_SECONDS in waited) == (connection.vendor == "postgresql")
    found = Contact.objects.get(pk=contact.pk)
    assert (found.email, found.phone) == (EMAIL, "555-0199")
    assert key_ids(Contact, "email") == key_ids(Contact, "phone") == [keyring.active(FIELDS).id]


# --- readers beside it


def test_what_was_read_before_opens_after_the_key_is_destroyed(contact: Contact) -> None:
    read = Contact.objects.get(pk=contact.pk)
    listed: Any = Contact.objects.values_list("phone", flat=True).get(pk=contact.pk)
    rotate(wait=never)
    assert read.email == EMAIL
    assert Contact._meta.get_field("phone").open(contact.pk, listed) == "555-0100"


def test_a_destroyed_key_is_remembered_for_some_minutes_only(
    contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Contact.objects.get(pk=contact.pk)
    rotate(wait=never)
    monkeypatch.setattr(keyring, "REMEMBERED_SECONDS", -1.0)
    keyring.load()
    with pytest.raises(CannotOpen, match="does not hold"):
        _ = read.email
    assert Contact.objects.get(pk=contact.pk).email == EMAIL


def test_a_process_takes_up_a_generation_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = keyring._ring
    new, _ = begin()
    keyring._ring = worker
    assert keyring.active(FIELDS).generation == 1
    later = worker.read_at + keyring.FRESH_SECONDS + 0.01
    monkeypatch.setattr("vault.keyring.time.monotonic", lambda: later)
    assert keyring.active(FIELDS).id == new.id
    assert later - worker.read_at < rotation.TAKEN_UP_SECONDS


# --- the whole of it


def test_every_value_opens_and_stands_under_the_new_key(contact: Contact) -> None:
    Contact.objects.create(email="none@example.org", photo=b"\xff\x00")
    Badge.objects.create(contact=contact, pin="1234")
    employee = Employee.objects.create(email="carol@example.org", salary="some")
    Colleague.objects.bulk_create([Colleague(email=f"{number}@example.org") for number in range(450)])
    proof = rotate(wait=never)
    assert {(count.table, count.column): count.values for count in proof} == {
        ("vault_records_contact", "email"): 3,
        ("vault_records_contact", "phone"): 1,
        ("vault_records_contact", "photo"): 1,
        ("vault_records_colleague", "email"): 450,
        ("vault_records_badge", "pin"): 1,
        ("vault_records_employee", "salary"): 1,
    }
    assert {count.generation for count in proof} == {2}
    assert Contact.objects.get(email_index=EMAIL).email == EMAIL
    assert Badge.objects.get().pin == "1234"
    assert Employee.objects.get(pk=employee.pk).salary == "some"
    assert {row.email for row in Colleague.objects.all()} == {f"{n}@example.org" for n in range(450)}


def test_the_old_key_is_destroyed_and_its_name_kept(contact: Contact) -> None:
    old = DataKey.objects.get(purpose=FIELDS)
    rotate(wait=never)
    old.refresh_from_db()
    assert bytes(old.wrapped) == b""
    assert living() == [2]
    assert set(key_ids(Contact, "email")) == {keyring.active(FIELDS).id}
    rotate(wait=never)
    assert living() == [3]


def test_other_keys_are_left_alone() -> None:
    before = list(DataKey.objects.exclude(purpose=FIELDS).values_list("id", "generation", "wrapped"))
    index = keyring.active(BLIND_INDEX).id
    rotate(wait=never)
    assert list(DataKey.objects.exclude(purpose=FIELDS).values_list("id", "generation", "wrapped")) == before
    assert keyring.active(BLIND_INDEX).id == index


def test_the_audit_tells_of_the_beginning_and_of_the_proof(contact: Contact) -> None:
    rotate(wait=never)
    rows = AuditRow.objects.filter(event=Event.DATA_KEY_ROTATED).order_by("sequence")
    assert [json.loads(row.details) for row in rows] == [
        {"step": "begun", "generation": 2},
        {"step": "proven", "generation": 2, "values": 2, "destroyed": 1},
    ]


def test_a_rotation_that_was_stopped_is_taken_up_and_not_begun_again(contact: Contact) -> None:
    def stop(batch: Batch) -> None:
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            rotate(on_batch=stop, wait=never)
        assert living() == [1, 2]
    rotate(wait=never)
    assert living() == [2]


def test_two_rotations_at_once_end_in_one_generation(contact: Contact) -> None:
    gate = threading.Barrier(2)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            gate.wait(30)
            begin()
        except BaseException as failure:
            failures.append(failure)

    threads = [in_a_thread(run) for _ in range(2)]
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert living() == [1, 2]


def test_of_two_rotations_that_prove_the_same_the_second_destroys_nothing(contact: Contact) -> None:
    new, older = begin()
    rotate(wait=never)
    rotation.retire(new, [key.id for key in older], 2)
    rows = AuditRow.objects.filter(event=Event.DATA_KEY_ROTATED.value).order_by("sequence")
    proven = [told for row in rows if (told := json.loads(row.details))["step"] == "proven"]
    assert [told["destroyed"] for told in proven] == [1, 0]


# --- nothing is forgotten


def test_every_model_with_a_sealed_field_is_found() -> None:
    found = {(str(table), str(field.column)) for table in sealed_tables() for field in table.fields}
    # Every such field that lives in this process, by a way that shares nothing with the registry.
    declared = {
        (one.model._meta.db_table, str(one.column))
        for one in gc.get_objects()
        # Not isinstance, which asks lazy objects what they are.
        if issubclass(type(one), SealedField) and _is_in_force(one)
    }
    assert found == declared
    for model, column in (
        (Account, "email"),
        (ActorKey, "private"),
        (TokenKey, "private"),
        (IdempotencyRecord, "answer"),
    ):
        assert (model._meta.db_table, column) in found


def _is_in_force(field: Any) -> bool:
    model = getattr(field, "model", None)
    # Migrations and copies of querysets make models of their own, without a module that has them.
    return model is not None and model._meta.apps.ready and "models" in model.__module__.split(".")


def test_rows_of_every_room_are_counted_by_key(person: Any) -> None:
    found = {(count.table, count.column): count for count in counts(sealed_tables())}
    assert found["accounts_account", "email"].values == 1
    assert found["devices_tokenkey", "private"].generation == 1


# --- the command


def output(*arguments: str) -> str:
    written = StringIO()
    call_command("vault", "rotate-data", *arguments, stdout=written)
    return written.getvalue()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "TAKEN_UP_SECONDS", 0.0)


def test_the_command_ends_with_the_proof(contact: Contact, quick: None) -> None:
    said = output()
    key = keyring.active(FIELDS)
    assert f"vault_records_contact.email: 1 values under key {key.id.hex()}, generation 2" in said
    assert said.endswith("Nothing stands under an older key; the older keys are destroyed.\n")
    assert EMAIL not in said


def test_the_command_speaks_json_for_scripts(contact: Contact, quick: None) -> None:
    lines = [json.loads(line) for line in output("--json").splitlines()]
    assert {line["event"] for line in lines} == {"progress", "waiting", "proof", "done"}
    assert next(line for line in lines if line["event"] == "proof") == {
        "event": "proof",
        "table": "vault_records_contact",
        "column": "email",
        "key": keyring.active(FIELDS).id.hex(),
        "generation": 2,
        "values": 1,
    }


def test_the_command_fails_without_a_proof_and_says_where(contact: Contact, quick: None) -> None:
    put_raw(contact, "phone", bytes(60))
    with pytest.raises(CommandError, match=r"no key was destroyed: .*1 in vault_records_contact\.phone"):
        output()


def test_the_command_that_is_stopped_says_that_the_next_goes_on(
    contact: Contact, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(**options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rotation, "rotate", stopped)
    with pytest.raises(CommandError, match="the next run goes on") as refusal:
        output()
    assert refusal.value.returncode == 130


def test_a_database_error_is_told_without_its_text(
    contact: Contact, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**options: object) -> None:
        raise IntegrityError(f"a row with {EMAIL}")

    monkeypatch.setattr(rotation, "rotate", broken)
    with pytest.raises(CommandError, match="IntegrityError") as refusal:
        output()
    assert EMAIL not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_a_key_id_is_where_the_guard_looks_for_it() -> None:
    assert slice(1, 17) == KEY_ID
    assert uuid.UUID(bytes=keyring.active(FIELDS).id) == DataKey.objects.get(purpose=FIELDS).id

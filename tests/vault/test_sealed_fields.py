"""Sealed fields: what stands in the database, what opens, and every way around that is shut."""

import copy
import pickle
import traceback
import uuid
from typing import Any

import pytest
from django.core import serializers
from django.core.exceptions import FieldError
from django.db import connection, models, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test.utils import isolate_apps
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.vault.models import Badge, Colleague, Contact, Employee
from vault import keyring
from vault.errors import CannotOpen
from vault.fields import SealedField, SealedValue
from vault.keyring import FIELDS

pytestmark = pytest.mark.django_db

EMAIL = "planted.alice@example.org"
PHONE = "planted-555-0100"
PHOTO = b"planted \x00\xff photo"


@pytest.fixture
def contact() -> Contact:
    return Contact.objects.create(name="Alice", email=EMAIL, phone=PHONE, photo=PHOTO)


def raw(instance: models.Model, column: str) -> bytes:
    """A column's bytes as the database has them."""
    table, pk = instance._meta.db_table, instance._meta.pk
    stored = pk.get_db_prep_value(instance.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} WHERE {pk.column} = %s", [stored])  # noqa: S608
        return bytes(cursor.fetchone()[0])


def put_raw(instance: models.Model, column: str, value: bytes) -> None:
    table, pk = instance._meta.db_table, instance._meta.pk
    stored = pk.get_db_prep_value(instance.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {column} = %s WHERE {pk.column} = %s",  # noqa: S608
            [value, stored],
        )


# --- moved or altered


def test_a_value_moved_to_another_row_does_not_open(contact: Contact) -> None:
    other = Contact.objects.create(email="bob@example.org")
    put_raw(other, "email", raw(contact, "email"))
    moved = Contact.objects.get(pk=other.pk)
    with pytest.raises(CannotOpen):
        _ = moved.email


def test_a_value_moved_to_another_column_does_not_open(contact: Contact) -> None:
    put_raw(contact, "phone", raw(contact, "email"))
    moved = Contact.objects.get(pk=contact.pk)
    with pytest.raises(CannotOpen):
        _ = moved.phone


def test_a_value_moved_to_another_table_does_not_open(contact: Contact) -> None:
    twin = Colleague.objects.create(id=contact.id, email="bob@example.org")
    put_raw(twin, "email", raw(contact, "email"))
    moved = Colleague.objects.get(pk=twin.pk)
    with pytest.raises(CannotOpen):
        _ = moved.email


def test_a_value_with_a_flipped_bit_does_not_open(contact: Contact) -> None:
    sealed = raw(contact, "email")
    for position in range(len(sealed)):
        put_raw(contact, "email", sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :])
        altered = Contact.objects.get(pk=contact.pk)
        with pytest.raises(CannotOpen):
            _ = altered.email


def test_an_envelope_of_another_version_or_cut_short_does_not_open(contact: Contact) -> None:
    sealed, field = raw(contact, "email"), Contact._meta.get_field("email")
    for altered in (b"\x02" + sealed[1:], *(sealed[:length] for length in range(len(sealed)))):
        with pytest.raises(CannotOpen):
            field.open(contact.pk, altered)


def test_nothing_is_kept_of_bytes_that_a_new_instance_is_given_as_text() -> None:
    wrong: Any = b"planted bytes"
    mistaken = Contact(email=wrong)
    assert "planted" not in repr(vars(mistaken))
    for use in (lambda: mistaken.email, mistaken.save):
        with pytest.raises(CannotOpen):
            use()


def test_plaintext_put_into_the_column_does_not_open(contact: Contact) -> None:
    put_raw(contact, "email", EMAIL.encode())
    planted = Contact.objects.get(pk=contact.pk)
    with pytest.raises(CannotOpen):
        _ = planted.email


def test_an_altered_value_is_never_saved_over_as_if_it_were_whole(contact: Contact) -> None:
    put_raw(contact, "phone", raw(contact, "email"))
    altered = Contact.objects.get(pk=contact.pk)
    with pytest.raises(CannotOpen):
        altered.save()


def test_a_sealed_value_given_to_another_instance_does_not_open_there(contact: Contact) -> None:
    other = Contact(name="Bob")
    other.email = Contact.objects.values_list("email", flat=True).get(pk=contact.pk)
    with pytest.raises(CannotOpen):
        other.save()


def test_bytes_in_a_text_column_are_refused_without_being_shown(contact: Contact) -> None:
    field: Any = Contact._meta.get_field("email")
    put_raw(contact, "email", keyring.active(FIELDS).seal(field._context(contact.pk), b"secret \xff"))
    broken = Contact.objects.get(pk=contact.pk)
    with pytest.raises(CannotOpen) as refusal:
        _ = broken.email
    assert refusal.value.__context__ is None
    assert "secret" not in "".join(traceback.format_exception(refusal.value))


# --- the ways around


def test_plain_values_are_refused_by_update(contact: Contact) -> None:
    before = raw(contact, "email")
    values: list[Any] = [
        "plain",
        b"plain",
        Value("plain"),
        Value("plain", output_field=models.TextField()),
        F("name"),
        Concat("name", Value("plain")),
        Contact.objects.values("email").get(pk=contact.pk)["email"],
    ]
    for value in values:
        with pytest.raises(TypeError, match="email is sealed") as refusal, transaction.atomic():
            Contact.objects.filter(pk=contact.pk).update(email=value)
        assert "plain" not in str(refusal.value)
    assert raw(contact, "email") == before


def test_plain_values_are_refused_by_bulk_update(contact: Contact) -> None:
    contact.email = "other@example.org"
    with pytest.raises(TypeError, match="email is sealed"), transaction.atomic():
        Contact.objects.bulk_update([contact], ["email"])
    assert Contact.objects.get(pk=contact.pk).email == EMAIL


def test_a_value_is_refused_where_another_row_would_keep_it(contact: Contact) -> None:
    before = raw(contact, "email")
    twin = Contact(email=EMAIL, name="twin")
    for fields in (["email", "email_index"], ["name", "phone"], ["email_index"]):
        with pytest.raises(TypeError, match="is made for one row") as refusal, transaction.atomic():
            Contact.objects.bulk_create(
                [twin], update_conflicts=True, unique_fields=["email_index"], update_fields=fields
            )
        assert EMAIL not in str(refusal.value)
    assert raw(contact, "email") == before
    Contact.objects.bulk_create(
        [twin], update_conflicts=True, unique_fields=["email_index"], update_fields=["name"]
    )
    kept = Contact.objects.get()
    assert (kept.pk, kept.name, kept.email) == (contact.pk, "twin", EMAIL)
    Contact.objects.bulk_create([Contact(email=EMAIL)], ignore_conflicts=True)
    assert Contact.objects.get().email == EMAIL


def test_expressions_and_other_types_are_refused_on_assignment(contact: Contact) -> None:
    wrong: list[tuple[str, Any]] = [
        ("email", b"plain"),
        ("email", 7),
        ("email", F("name")),
        ("email", Value("plain")),
        ("photo", "plain"),
        ("photo", bytearray(b"plain")),
    ]
    for name, value in wrong:
        with pytest.raises(TypeError, match=f"{name} takes") as refusal:
            setattr(contact, name, value)
        assert "plain" not in str(refusal.value)
    expression: Any = F("name")
    with pytest.raises(TypeError, match="email takes str"):
        Contact(email=expression)


def test_a_sealed_field_cannot_be_looked_up_by_its_value(contact: Contact) -> None:
    for lookup in ("email", "email__exact", "email__in", "email__contains", "email__startswith", "email__gt"):
        with pytest.raises(FieldError, match="Unsupported lookup") as refusal:
            Contact.objects.filter(**{lookup: EMAIL}).exists()
        assert EMAIL not in str(refusal.value)


def test_a_sealed_field_can_be_asked_whether_it_is_null(contact: Contact) -> None:
    Contact.objects.create(email="bob@example.org")
    assert Contact.objects.filter(phone__isnull=False).get() == contact


def test_a_value_is_not_sealed_before_its_row_has_a_key() -> None:
    with pytest.raises(ValueError, match="row's key must be set"), transaction.atomic():
        Badge(pin="1234").save()
    with pytest.raises(ValueError, match="row's key must be set"):
        pickle.dumps(Contact(id=None, email=EMAIL))
    assert not Badge.objects.exists()


def test_text_that_is_no_unicode_is_refused_without_being_shown() -> None:
    planted = EMAIL + "\ud800"
    with pytest.raises(ValueError, match="not valid Unicode") as refusal, transaction.atomic():
        Contact.objects.create(email=planted)
    assert EMAIL not in "".join(traceback.format_exception(refusal.value))
    assert refusal.value.__context__ is None


def test_fixtures_are_not_written(contact: Contact) -> None:
    for style in ("json", "python"):
        with pytest.raises(TypeError, match="not written into fixtures"):
            serializers.serialize(style, [contact])


@pytest.mark.parametrize(
    "option", [{"unique": True}, {"db_index": True}, {"primary_key": True}, {"choices": [("a", "a")]}]
)
def test_what_would_tell_of_a_sealed_value_is_refused_at_declaration(option: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="cannot have"):
        SealedField(**option)


@isolate_apps("tests.vault")
def test_a_row_whose_key_the_database_gives_fails_the_checks() -> None:
    class Numbered(models.Model):
        secret = SealedField()

        class Meta:
            app_label = "vault_records"

        def __str__(self) -> str:
            return "numbered"

    class KeyComesLater(models.Model):
        secret = SealedField()
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)

        class Meta:
            app_label = "vault_records"

        def __str__(self) -> str:
            return "key comes later"

    for model in (Numbered, KeyComesLater):
        assert [problem.id for problem in model._meta.get_field("secret").check()] == ["vault.E002"]
    assert Contact._meta.get_field("email").check() == []


# --- nothing in clear


def test_the_database_holds_no_plaintext(contact: Contact) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {Contact._meta.db_table}")  # noqa: S608
        row = b"".join(
            value.encode() if isinstance(value, str) else bytes(value or b"")
            for value in cursor.fetchone()
            if not isinstance(value, uuid.UUID)
        )
    assert b"Alice" in row
    assert b"planted" not in row


def test_a_row_listed_as_values_shows_nothing(contact: Contact) -> None:
    values = Contact.objects.values("email", "phone", "photo").get()
    assert "planted" not in repr(values)
    assert values == {name: raw(contact, name) for name in values}


def test_an_envelope_read_from_one_row_is_not_let_into_another(contact: Contact) -> None:
    for name in ("email", "photo"):
        envelope: Any = Contact.objects.values_list(name, flat=True).get()
        with pytest.raises(TypeError, match="is sealed"), transaction.atomic():
            Contact.objects.update(**{name: envelope})


def test_what_was_assigned_shows_nothing_of_itself(contact: Contact) -> None:
    for field in ("email", "photo"):
        held = vars(contact)[field]
        assert isinstance(held, SealedValue)
        assert repr(held) == str(held) == f"{held}" == "<SealedValue>"


def test_an_instance_s_own_dictionary_shows_nothing(contact: Contact) -> None:
    loaded = Contact.objects.get()
    assert (loaded.email, loaded.phone, loaded.photo) == (EMAIL, PHONE, PHOTO)
    for instance in (contact, loaded):
        assert "planted" not in repr(vars(instance))


def test_a_pickled_instance_holds_no_plaintext_and_opens_again(contact: Contact) -> None:
    unsaved = Contact(email=EMAIL, phone=PHONE, photo=PHOTO)
    opened = Contact.objects.get()
    assert opened.email == EMAIL
    for instance in (contact, unsaved, opened, Contact.objects.get()):
        pickled = pickle.dumps(instance)
        assert b"planted" not in pickled
        again = pickle.loads(pickled)  # noqa: S301
        assert (again.email, again.phone, again.photo) == (EMAIL, PHONE, PHOTO)


def test_a_pickled_list_of_values_holds_no_plaintext(contact: Contact) -> None:
    pickled = pickle.dumps(list(Contact.objects.values("email", "phone", "photo")))
    assert b"planted" not in pickled


# --- the ordinary ways


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    email=st.text(st.characters(codec="utf-8")),
    phone=st.none() | st.text(st.characters(codec="utf-8")),
    photo=st.none() | st.binary(max_size=2000),
)
def test_what_is_saved_is_loaded(email: str, phone: str | None, photo: bytes | None, db: None) -> None:
    saved = Contact.objects.create(email=email, phone=phone, photo=photo)
    loaded = Contact.objects.get(pk=saved.pk)
    assert (loaded.email, loaded.phone, loaded.photo) == (email, phone, photo)
    saved.delete()


def test_a_value_is_sealed_anew_by_every_save_under_the_newest_key(contact: Contact) -> None:
    before = raw(contact, "email")
    Contact.objects.get().save()
    after = raw(contact, "email")
    assert before != after
    assert after[1:17] == keyring.active(FIELDS).id
    assert Contact.objects.get().email == EMAIL


def test_a_field_left_out_when_loading_is_fetched_and_opened_when_touched(contact: Contact) -> None:
    deferred = Contact.objects.only("name").get()
    assert "email" in deferred.get_deferred_fields()
    assert (deferred.email, deferred.photo) == (EMAIL, PHOTO)
    assert "planted" not in repr(vars(deferred))


def test_a_refreshed_instance_has_the_stored_value(contact: Contact) -> None:
    contact.email = "unsaved@example.org"
    contact.refresh_from_db()
    assert contact.email == EMAIL
    contact.phone = "unsaved"
    contact.refresh_from_db(fields=["phone"])
    assert contact.phone == PHONE


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
def test_a_copy_saved_as_another_row_is_sealed_for_that_row(contact: Contact, make: Any) -> None:
    loaded = Contact.objects.get()
    twin = make(loaded)
    twin.pk = uuid.uuid4()
    twin.email = "twin@example.org"
    twin._state.adding = True
    twin.save()
    found = Contact.objects.get(pk=twin.pk)
    assert (found.email, found.phone) == ("twin@example.org", PHONE)
    assert Contact.objects.get(pk=contact.pk).email == EMAIL


def test_a_copy_changes_without_changing_the_original(contact: Contact) -> None:
    twin = copy.copy(contact)
    twin.email = "twin@example.org"
    assert contact.email == EMAIL


def test_saving_some_fields_leaves_the_others_as_they_stand(contact: Contact) -> None:
    before = raw(contact, "email")
    contact.phone = "changed"
    contact.email = "unsaved@example.org"
    contact.save(update_fields=["phone"])
    assert raw(contact, "email") == before
    assert Contact.objects.get().phone == "changed"


def test_a_null_is_stored_as_null(contact: Contact) -> None:
    contact.phone = None
    contact.save()
    assert Contact.objects.get(phone__isnull=True).phone is None
    Contact.objects.update(photo=None)
    assert Contact.objects.get().photo is None


def test_an_empty_text_is_sealed_too(contact: Contact) -> None:
    contact.phone = ""
    contact.save()
    assert len(raw(contact, "phone")) == 45
    assert Contact.objects.get().phone == ""


def test_many_rows_are_created_at_once_each_sealed_for_itself() -> None:
    Contact.objects.bulk_create([Contact(email=f"{number}@example.org") for number in range(20)])
    assert {row.email for row in Contact.objects.all()} == {f"{number}@example.org" for number in range(20)}


def test_a_row_named_by_a_relation_or_by_text_opens(contact: Contact) -> None:
    Badge.objects.create(contact=contact, pin="planted pin")
    assert Badge.objects.get(contact=contact).pin == "planted pin"
    assert Badge.objects.select_related("contact").get().contact.email == EMAIL
    spelt = Contact.objects.create(id=str(uuid.uuid4()).upper(), email="bob@example.org")
    assert Contact.objects.get(pk=spelt.pk).email == "bob@example.org"


def test_a_row_in_two_tables_opens_whole_or_piece_by_piece() -> None:
    Employee.objects.create(email=EMAIL, salary="planted salary")
    for found in (Employee.objects.get(), Employee.objects.defer("email", "salary").get()):
        assert (found.email, found.salary) == (EMAIL, "planted salary")
    assert Contact.objects.get(email_index=EMAIL).email == EMAIL


def test_a_row_that_gets_its_key_while_it_is_saved_opens() -> None:
    Contact(id=None, email=EMAIL).save()
    assert Contact.objects.get().email == EMAIL


def test_validation_passes_the_value_through(contact: Contact) -> None:
    contact.full_clean()
    assert contact.email == EMAIL


def test_a_raw_query_opens_too(contact: Contact) -> None:
    [found] = Contact.objects.raw(f"SELECT * FROM {Contact._meta.db_table}")  # noqa: S608
    assert found.email == EMAIL


async def test_a_value_opens_inside_an_event_loop_that_never_touched_the_ring(contact: Contact) -> None:
    loaded = pickle.loads(pickle.dumps(contact))  # noqa: S301
    keyring.forget()
    assert loaded.email == EMAIL


def test_a_migration_writes_the_field_as_it_was_declared() -> None:
    for name in ("email", "phone", "photo"):
        field: Any = Contact._meta.get_field(name)
        _, path, args, options = field.deconstruct()
        assert path == "vault.fields.SealedField"
        again: Any = SealedField(*args, **options)
        assert (again.binary, again.null) == (name == "photo", name != "email")

"""Blind indexes: found by plain text, never stale, telling nothing but equality."""

from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db import IntegrityError, transaction
from django.db.models import F, Value

from tests.vault.models import Colleague, Contact, fold
from vault import keyring, keys
from vault.fields import BlindIndexField
from vault.keyring import BLIND_INDEX, FIELDS
from vault.models import DataKey

pytestmark = pytest.mark.django_db

EMAIL = "Alice@Example.org"


@pytest.fixture
def contact() -> Contact:
    return Contact.objects.create(name="Alice", email=EMAIL)


def test_an_index_is_not_saved_without_its_source_nor_the_source_without_it(contact: Contact) -> None:
    contact.email = "bob@example.org"
    for fields in (["email"], ["email_index"], ["name", "email"]):
        with pytest.raises(ValueError, match="save email and email_index together"), transaction.atomic():
            contact.save(update_fields=fields)
    assert Contact.objects.get(email_index=EMAIL).email == EMAIL


def test_an_index_is_not_written_past_its_source(contact: Contact) -> None:
    values: list[Any] = [
        "bob@example.org",
        bytes(32),
        Value("bob@example.org"),
        F("name"),
        contact.email_index,
    ]
    for value in values:
        with pytest.raises(TypeError, match="email_index follows email"), transaction.atomic():
            Contact.objects.update(email_index=value)
    contact.email = "bob@example.org"
    with pytest.raises(TypeError, match="email_index follows email"), transaction.atomic():
        Contact.objects.bulk_update([contact], ["email_index"])


def test_an_index_given_by_hand_is_replaced_by_the_source_s() -> None:
    Contact.objects.create(email=EMAIL, email_index=bytes(32))
    assert Contact.objects.filter(email_index=EMAIL).exists()


def test_an_index_knows_equality_alone(contact: Contact) -> None:
    for lookup in (
        "email_index__startswith",
        "email_index__gt",
        "email_index__contains",
        "email_index__iexact",
    ):
        with pytest.raises(FieldError, match="Unsupported lookup"):
            Contact.objects.filter(**{lookup: "alice"}).exists()


def test_a_lookup_by_another_type_is_refused(contact: Contact) -> None:
    wrong: Any = 7
    with pytest.raises(TypeError, match="looked up by str or bytes"):
        Contact.objects.filter(email_index=wrong).exists()


def test_equal_values_of_one_table_collide(contact: Contact) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Contact.objects.create(email=" alice@example.org")
    with pytest.raises(IntegrityError), transaction.atomic():
        Contact.objects.bulk_create([Contact(email="ALICE@example.org")])


def test_equal_values_of_two_tables_are_not_told_to_be_equal(contact: Contact) -> None:
    colleague = Colleague.objects.create(email=EMAIL)
    assert colleague.email_index != contact.email_index


def test_text_that_is_no_unicode_finds_nothing(contact: Contact) -> None:
    assert not Contact.objects.filter(email_index="\ud800").exists()


def test_a_row_is_found_by_any_spelling_that_normalises_alike(contact: Contact) -> None:
    for spelling in (EMAIL, "alice@example.org", " ALICE@EXAMPLE.ORG "):
        assert Contact.objects.get(email_index=spelling) == contact
        assert Contact.objects.get(email_index__in=["nobody", spelling]) == contact
    assert not Contact.objects.filter(email_index="alice@example.com").exists()
    assert Contact.objects.get(email_index=contact.email_index) == contact


def test_an_index_is_32_bytes_and_holds_no_plaintext(contact: Contact) -> None:
    index = Contact.objects.values_list("email_index", flat=True).get()
    assert isinstance(index, bytes)
    assert len(index) == 32
    assert b"lice" not in index


def test_an_index_follows_its_source(contact: Contact) -> None:
    contact.email = "bob@example.org"
    contact.save(update_fields=["email", "email_index"])
    assert Contact.objects.get(email_index="bob@example.org") == contact
    assert not Contact.objects.filter(email_index=EMAIL).exists()


def test_a_row_is_made_or_changed_by_what_finds_it() -> None:
    made, new = Contact.objects.get_or_create(email_index=EMAIL, defaults={"email": EMAIL})
    assert new
    assert Contact.objects.get_or_create(email_index=fold(EMAIL), defaults={"email": EMAIL}) == (made, False)
    Contact.objects.update_or_create(email_index=EMAIL, defaults={"email": "bob@example.org"})
    assert Contact.objects.get(email_index="bob@example.org").email == "bob@example.org"


def test_other_fields_are_saved_without_touching_the_index(contact: Contact) -> None:
    contact.name = "Alice Liddell"
    contact.save(update_fields=["name"])
    assert Contact.objects.get(email_index=EMAIL).name == "Alice Liddell"


def test_an_index_outlives_the_rotation_of_the_keys_that_seal(contact: Contact) -> None:
    row = DataKey(purpose=FIELDS, generation=2)
    row.wrapped = keyring.wrap(keys.root(), row, bytes(32))
    row.save()
    keyring.forget()
    try:
        assert keyring.active(FIELDS).generation == 2
        Contact.objects.get(email_index=EMAIL).save()
        assert Contact.objects.get(email_index=EMAIL).email == EMAIL
    finally:
        # The row is rolled back with the test; the key must not stay behind in memory.
        keyring.forget()


def test_an_index_has_a_key_of_its_own(db: None) -> None:
    assert keyring.active(BLIND_INDEX).material != keyring.active(FIELDS).material


def test_a_migration_writes_the_index_as_it_was_declared() -> None:
    field: Any = Contact._meta.get_field("email_index")
    _, path, args, options = field.deconstruct()
    assert path == "vault.blind_index.BlindIndexField"
    again = BlindIndexField(*args, **options)
    assert (again.source, again.normalise, again.unique) == ("email", fold, True)

"""Every sealed column of the project: its values open in their own row, column and table, and unaltered."""

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from django.db import connection, models
from django.utils import timezone

from accounts.models import Account
from activitypub.models import Actor, ActorKey, KeyKind
from devices.models import IdempotencyRecord, TokenKey
from vault import keyring
from vault.errors import CannotOpen
from vault.fields import SealedField
from vault.resealing import sealed_tables

pytestmark = pytest.mark.django_db


def account(number: int) -> Account:
    return Account(username=f"person{number}", email=f"{number}@example.org", password="!", public_key="key")


def token_key(number: int) -> TokenKey:
    return TokenKey(public=bytes(32), private=bytes([number]) * 32)


def answer(number: int) -> IdempotencyRecord:
    return IdempotencyRecord(
        digest=bytes([number]) * 32,
        body_digest=bytes(32),
        status=200,
        answer=b"{}",
        created_at=timezone.now(),
    )


def actor_key(number: int) -> ActorKey:
    uri = f"https://hvx.example/users/person{number}"
    actor = Actor.objects.create(uri=uri, inbox=f"{uri}/inbox", username=f"person{number}")
    return ActorKey(actor=actor, kind=KeyKind.RSA, key_id=f"{uri}#main-key", public=b"", private=bytes(64))


MAKERS: dict[type[models.Model], Callable[[int], models.Model]] = {
    Account: account,
    TokenKey: token_key,
    IdempotencyRecord: answer,
    ActorKey: actor_key,
}


class Cell(NamedTuple):
    """One sealed column of one row."""

    row: models.Model
    field: SealedField[Any, Any]

    def raw(self) -> bytes:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {self.field.column} FROM {self._table} WHERE id = %s",  # noqa: S608
                [self._key],
            )
            return bytes(cursor.fetchone()[0])

    def put(self, value: bytes) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {self._table} SET {self.field.column} = %s WHERE id = %s",  # noqa: S608
                [value, self._key],
            )

    def read(self) -> Any:
        return getattr(type(self.row)._default_manager.get(pk=self.row.pk), self.field.attname)

    @property
    def _table(self) -> str:
        return self.row._meta.db_table

    @property
    def _key(self) -> Any:
        return self.row._meta.pk.get_db_prep_value(self.row.pk, connection)


@pytest.fixture
def cells() -> list[Cell]:
    """Two rows of every model of the project that has sealed columns, of equal keys in all tables."""
    found = []
    for table in sealed_tables():
        if table.model.__module__.startswith("tests."):
            continue
        for number in (1, 2):
            row = MAKERS[table.model](number)
            row.pk = UUID(int=number)
            row.save()
            found += [Cell(row, field) for field in table.fields]
    return found


def test_every_model_of_the_project_is_tried(cells: list[Cell]) -> None:
    assert {type(cell.row) for cell in cells} == set(MAKERS)


def test_a_value_moved_to_any_other_row_column_or_table_does_not_open(cells: list[Cell]) -> None:
    stored = [(cell, cell.raw(), cell.read()) for cell in cells]
    for (home, envelope, _), (elsewhere, own, value) in product(stored, stored):
        if home is elsewhere:
            continue
        elsewhere.put(envelope)
        with pytest.raises(CannotOpen):
            elsewhere.read()
        elsewhere.put(own)
        assert elsewhere.read() == value


def test_a_value_with_any_one_byte_altered_does_not_open(cells: list[Cell]) -> None:
    for cell in cells[::2]:
        envelope = cell.raw()
        key = keyring.active(keyring.FIELDS)
        context = cell.field._context(cell.row.pk)
        assert key.open(context, envelope)
        for place, bit in product(range(len(envelope)), range(8)):
            altered = bytearray(envelope)
            altered[place] ^= 1 << bit
            with pytest.raises(CannotOpen):
                key.open(context, bytes(altered))


def test_an_altered_name_of_a_key_is_refused_when_read(cells: list[Cell]) -> None:
    cell = cells[0]
    envelope = cell.raw()
    for place in range(17):
        altered = bytearray(envelope)
        altered[place] ^= 1
        cell.put(bytes(altered))
        with pytest.raises(CannotOpen):
            cell.read()

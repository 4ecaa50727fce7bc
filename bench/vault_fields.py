"""Sealed fields beside the bare primitive, and a list of accounts beside the same list in clear.

Runs in a filled server's environment: `python -m bench.vault_fields`. Prints JSON: for each kind of work
pairs of processor seconds, without the vault and with it, of rounds that take turns. Python's garbage
collector is on, as it is in a server.
"""

import json
import os
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import django

ROUNDS = 40
VALUES = 2000
ACCOUNTS = 1000
LENGTH = 200
# Characters of an armoured Ed25519 key with its encryption key: rows are as long as people's.
PUBLIC_KEY = 608

Pair = tuple[float, float]


def _in_turns(one: Callable[[], object], other: Callable[[], object], times: int = 1) -> list[Pair]:
    def seconds(work: Callable[[], object]) -> float:
        began = time.process_time()
        for _ in range(times):
            work()
        return (time.process_time() - began) / times

    found = []
    for turn in range(ROUNDS + 1):
        if turn % 2:
            pair = seconds(one), seconds(other)
        else:
            later = seconds(other)
            pair = seconds(one), later
        if turn:  # the first round warms up
            found.append(pair)
    return found


def _values() -> dict[str, list[Pair]]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

    from accounts.models import Account
    from vault.envelope import NONCE_LENGTH

    field: Any = Account._meta.get_field("email")
    row, text = uuid.uuid4(), "x" * LENGTH
    loaded = Account(id=row)
    plain, context, nonce = text.encode(), field._context(row), os.urandom(NONCE_LENGTH)
    # The same length of associated data: the key's id stands before the context.
    bare, associated = AESGCMSIV(os.urandom(32)), bytes(20) + context
    ciphertext, loaded.email = bare.encrypt(nonce, plain, associated), field.seal(row, text)
    return {
        "seal": _in_turns(
            lambda: bare.encrypt(nonce, plain, associated), lambda: field.seal(row, text), VALUES
        ),
        "open": _in_turns(lambda: bare.decrypt(nonce, ciphertext, associated), lambda: loaded.email, VALUES),
    }


def _accounts_in_clear() -> Any:
    """A table like that of the accounts, its e-mails in clear, and a thousand rows in both."""
    from django.db import connection, models

    from accounts.models import Account
    from vault.fields import BlindIndexField, SealedField

    def in_clear(field: Any) -> Any:
        if isinstance(field, SealedField):
            return models.TextField()
        return models.BinaryField(null=True) if isinstance(field, BlindIndexField) else field.clone()

    fields = {field.name: in_clear(field) for field in Account._meta.concrete_fields}
    meta = type("Meta", (), {"app_label": "accounts"})
    plain: Any = type("PlainAccount", (models.Model,), {**fields, "Meta": meta, "__module__": __name__})
    like = Account.objects.earliest("created_at")
    Account.objects.bulk_create(
        Account(
            username=f"listed{number}",
            email=f"listed{number}@example.org",
            password=like.password,
            public_key="k" * PUBLIC_KEY,
            fingerprint=like.fingerprint,
        )
        for number in range(ACCOUNTS - Account.objects.count())
    )
    with connection.schema_editor() as editor:
        editor.create_model(plain)
    rows = Account.objects.all()
    plain.objects.bulk_create(plain(**{name: getattr(row, name) for name in fields}) for row in rows)
    return plain


def _lists() -> dict[str, list[Pair]]:
    from accounts.models import Account

    plain: Any = _accounts_in_clear()

    def opened(model: Any) -> Callable[[], object]:
        return lambda: [(row.username, row.email) for row in model.objects.all()]

    def listed(model: Any) -> Callable[[], object]:
        return lambda: [row.username for row in model.objects.all()]

    return {
        "e-mails opened": _in_turns(opened(plain), opened(Account)),
        "e-mails not opened": _in_turns(listed(plain), listed(Account)),
    }


def _rotated_a_second() -> float:
    """Values that one process seals anew in a second of processor time, writing them included."""
    from vault import rotation
    from vault.resealing import reseal, sealed_tables

    new, older = rotation.begin()
    began, resealed = time.process_time(), 0
    for table in sealed_tables():
        resealed += sum(batch.resealed for batch in reseal(table, new, older, wait=lambda seconds: None))
    return resealed / (time.process_time() - began)


if __name__ == "__main__":
    django.setup()
    json.dump({**_values(), **_lists(), "rotated a second": _rotated_a_second()}, sys.stdout)

"""What the tests of a killed rotation run in other processes, on the database that the environment names."""

import contextlib
import json
import random
import sys
import threading

from django.db import IntegrityError, OperationalError

from accounts.models import Account
from devices.models import IdempotencyRecord, TokenKey
from vault import keyring, rotation
from vault.resealing import counts, sealed_tables

ACCOUNTS = 300


def fill() -> None:
    Account.objects.bulk_create([account(f"filled{number}") for number in range(ACCOUNTS)])


def rotate() -> None:
    """One rotation, with the same order of things as in service, in less time."""
    keyring.FRESH_SECONDS = 0.02
    rotation.TAKEN_UP_SECONDS = 0.05
    rotation.rotate()


def check() -> None:
    """Fail unless every value opens."""
    for model, column in ((Account, "email"), (TokenKey, "private"), (IdempotencyRecord, "answer")):
        for row in model._default_manager.all():
            getattr(row, column)


def tell() -> None:
    """Say what every account's e-mail address is, and under which generations all values stand."""
    emails = {account.username: account.email for account in Account.objects.all()}
    generations = {count.generation for count in counts(sealed_tables())}
    json.dump({"emails": emails, "generations": sorted(generations, key=str)}, sys.stdout)


def write() -> None:
    """Change, make and remove accounts until standard input closes.

    A line of JSON for every write that the database has confirmed: username, e-mail or null.
    """
    keyring.FRESH_SECONDS = 0.02
    over = threading.Event()
    threading.Thread(target=_set_at_end_of_input, args=[over], daemon=True).start()
    drawn = random.Random(7)
    number = 0
    while not over.is_set():
        number += 1
        # A guard has refused what was sealed too long ago, or the database was busy: not confirmed.
        with contextlib.suppress(IntegrityError, OperationalError):
            sys.stdout.write(json.dumps(_write_one(drawn, number)) + "\n")
            sys.stdout.flush()


def _set_at_end_of_input(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


def account(name: str) -> Account:
    return Account(username=name, email=f"{name}@example.org", password="!", public_key="", fingerprint="")


def _write_one(drawn: random.Random, number: int) -> tuple[str, str | None]:
    if drawn.random() < 0.2:
        made = account(f"made{number}")
        made.save(force_insert=True)
        return made.username, made.email
    found = Account.objects.order_by("?").first()
    assert found is not None
    # Read, too: a reader never fails.
    assert found.email.endswith("@example.org")
    if found.username.startswith("made"):
        found.delete()
        return found.username, None
    found.email = f"changed{number}@example.org"
    found.save(update_fields=["email", "email_index"])
    return found.username, found.email

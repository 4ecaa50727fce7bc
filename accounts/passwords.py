"""Passwords: Argon2id by Django's hasher; a check takes as long for nobody as for somebody."""

import functools
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from rest_framework import serializers

from accounts import queries
from accounts.errors import Busy, InvalidCredentials, PasswordWrong
from accounts.models import Account
from accounts.throttle import Counters
from audit.events import Event
from audit.services import record
from devices.principal import Principal

# Argon2 reads all of it; nobody types more.
MAX_CHARACTERS = 1024

# Each takes 100 MiB for a tenth of a second: what strangers can make a process hold is this many.
HASHES_AT_ONCE = 4
PATIENCE_SECONDS = 10.0
Owner = TypeVar("Owner", bound=AbstractBaseUser)
_places = threading.BoundedSemaphore(HASHES_AT_ONCE)


@contextmanager
def _place() -> Iterator[None]:
    """A place for one computation. Raises Busy after ten seconds without one."""
    if not _places.acquire(timeout=PATIENCE_SECONDS):
        raise Busy(headers={"Retry-After": "5"})
    try:
        yield
    finally:
        _places.release()


@contextmanager
def _guess(guesses: Counters) -> Iterator[None]:
    """Around one password tried. Raises RateLimited, Busy."""
    guesses.require()
    with _place():
        # Again: those that came at once have been counted while this one waited. So no more than
        # HASHES_AT_ONCE a process can slip past a limit together.
        guesses.require()
        guesses.count_attempt()
        yield


@functools.cache
def _nobody() -> str:
    """A hash, at the cost of a real one, of a password that nobody knows."""
    return make_password(secrets.token_urlsafe(32))


def authenticate(account: Owner | None, password: str, guesses: Counters) -> Owner:
    """The account, or the operator, if the password is its own.

    Raises InvalidCredentials, alike and after the same work for an account that does not exist,
    RateLimited and Busy.
    """
    with _guess(guesses):
        # Asked for before anybody is told apart: the first call in a process makes it, which takes long.
        nobody = _nobody()
        right = check_password(password, nobody if account is None else account.password)
        if account is None or not right:
            guesses.count()
            raise InvalidCredentials
    return account


def confirm(account: Account, password: str, guesses: Counters) -> None:
    """For a call that asks for the password again. Raises PasswordWrong, RateLimited, Busy.

    Call it outside of any transaction: a refusal is recorded, and must not be rolled back.
    """
    with _guess(guesses):
        if not check_password(password, account.password):
            guesses.count()
            record(Event.PASSWORD_REFUSED, account=str(account.pk))
            raise PasswordWrong


def still_confirmed(principal: Principal, confirmed: Account) -> Account:
    """The principal's account, locked until the transaction ends, with the password that was confirmed.

    Raises PasswordWrong where it has another since, and DeviceRevoked where the account is gone.
    """
    row = queries.locked_of(principal)
    if row.password != confirmed.password:
        raise PasswordWrong
    return row


def refuse_weak(password: str, *, field: str = "password") -> None:
    """Raises ValidationError naming the field; costs next to nothing."""
    try:
        validate_password(password)
    except ValidationError as error:
        raise serializers.ValidationError({field: list(error.messages)}) from None


def hashed(password: str, *, field: str = "password") -> str:
    """The hash of a new password. Raises ValidationError naming the field for one too weak, Busy."""
    refuse_weak(password, field=field)
    with _place():
        return make_password(password)

"""Passwords: Argon2id by Django's hasher; a check takes as long for nobody as for somebody."""

import functools
import secrets

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from rest_framework import serializers

from accounts.errors import InvalidCredentials, PasswordWrong
from accounts.models import Account

# Argon2 reads all of it; nobody types more.
MAX_CHARACTERS = 1024


@functools.cache
def _nobody() -> str:
    """A hash, at the cost of a real one, of a password that nobody knows."""
    return make_password(secrets.token_urlsafe(32))


def authenticate(account: Account | None, password: str) -> Account:
    """The account, if the password is its own.

    Raises InvalidCredentials, alike and after the same work for an account that does not exist.
    """
    # Asked for before anybody is told apart: the first call in a process makes it, which takes long.
    nobody = _nobody()
    right = check_password(password, nobody if account is None else account.password)
    if account is None or not right:
        raise InvalidCredentials
    return account


def confirm(account: Account, password: str) -> None:
    """For a call that asks for the password again. Raises PasswordWrong."""
    if not check_password(password, account.password):
        raise PasswordWrong


def refuse_weak(password: str, *, field: str = "password") -> None:
    """Raises ValidationError naming the field; costs next to nothing."""
    try:
        validate_password(password)
    except ValidationError as error:
        raise serializers.ValidationError({field: list(error.messages)}) from None


def hashed(password: str, *, field: str = "password") -> str:
    """The hash of a new password. Raises ValidationError naming the field for one too weak."""
    refuse_weak(password, field=field)
    return make_password(password)

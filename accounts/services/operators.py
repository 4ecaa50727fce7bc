"""Operators: made and ended by a command, signed in by a password."""

import re

from django.db import IntegrityError, transaction
from rest_framework import serializers

from accounts import passwords, throttle
from accounts.errors import InvalidCredentials
from accounts.models import Operator, OperatorSession
from accounts.operator_sessions import SessionStore
from audit.context import acted_by
from audit.events import Event
from audit.services import record

# Whoever has this password may hide anybody and drop what others are owed.
SHORTEST = 16
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,29}")


class NoSuchOperator(Exception):
    """A name is no operator's; or, where one is to be made, it is one's already or none that can be."""


def is_name(name: str) -> bool:
    """Whether an operator may be called so."""
    return _NAME.fullmatch(name) is not None


def add(name: str, password: str) -> Operator:
    """Make an operator. Raises NoSuchOperator, and ValidationError for a weak password."""
    if not is_name(name):
        raise NoSuchOperator(f"{name} is no name for an operator: up to 30 letters, digits and _.-")
    hashed = _hashed(password)
    try:
        with transaction.atomic():
            operator = Operator.objects.create(name=name, password=hashed)
            record(Event.OPERATOR_ADDED, subject=name)
    except IntegrityError:
        raise NoSuchOperator(f"there is an operator {name} already") from None
    return operator


def set_password(name: str, password: str) -> None:
    """Give an operator another password, and end their sessions. Raises NoSuchOperator, ValidationError."""
    hashed = _hashed(password)
    with transaction.atomic():
        operator = _locked(name)
        operator.password = hashed
        operator.save(update_fields=["password"])
        OperatorSession.objects.filter(operator=operator).delete()
        record(Event.OPERATOR_PASSWORD_SET, subject=name)


@transaction.atomic
def remove(name: str) -> None:
    """End an operator, and their sessions with them. Raises NoSuchOperator."""
    _locked(name).delete()
    record(Event.OPERATOR_REMOVED, subject=name)


def sign_in(session: SessionStore, name: str, password: str) -> Operator:
    """Begin a session. Raises InvalidCredentials, alike and after the same work for nobody, RateLimited and
    Busy."""
    typed = name.strip().lower()
    found = Operator.objects.filter(name=typed).first()
    try:
        operator = passwords.authenticate(found, password, throttle.guesses_of_operator(typed))
    except InvalidCredentials:
        record(Event.LOGIN_REFUSED, subject=typed, details={"kind": "operator"})
        raise
    with transaction.atomic():
        # The password that was right may be another by now, or the operator none.
        if (
            not Operator.objects.select_for_update()
            .filter(pk=operator.pk, password=operator.password)
            .exists()
        ):
            raise InvalidCredentials
        SessionStore.clear_expired()
        session.begin(operator)
        with acted_by(operator.name):
            record(Event.OPERATOR_SIGNED_IN, subject=operator.name)
    return operator


@transaction.atomic
def sign_out(session: SessionStore, operator: Operator) -> None:
    """End the session."""
    session.flush()
    record(Event.OPERATOR_SIGNED_OUT, subject=operator.name)


def _locked(name: str) -> Operator:
    operator = Operator.objects.select_for_update().filter(name=name).first()
    if operator is None:
        raise NoSuchOperator(f"there is no operator {name}")
    return operator


def _hashed(password: str) -> str:
    if len(password) < SHORTEST:
        raise serializers.ValidationError({"password": [f"At least {SHORTEST} characters."]})
    return passwords.hashed(password)

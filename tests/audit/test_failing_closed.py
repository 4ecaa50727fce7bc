"""An event that cannot be written: the call is refused and leaves everything as it was."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Account, Invite
from audit.errors import AuditUnavailable
from audit.models import AuditChain, AuditRow
from devices.models import Challenge, Device, TokenKey
from devices.services import lifecycle
from tests.accounts.test_secret import sealed_to
from tests.people import Answer, DjangoWire, Handset, Person
from vault.errors import Sealed

# The rows of a test that is rolled back as a whole would be lost with the call's.
pytestmark = pytest.mark.django_db(transaction=True)

REFUSED = (503, "audit_unavailable")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Breaks the writing of rows from then on; the chains can still be locked."""

    def fail(*args: object) -> None:
        raise OperationalError("no space left, and a word that must stay here")

    return lambda: monkeypatch.setattr("audit.services._hung_on", fail)


def everything() -> list[Any]:
    """All rows that a call could have written."""
    return [
        list(Device.objects.order_by("pk").values("hash", "state", "name", "certificate", "ended")),
        list(Account.objects.order_by("pk").values("password", "email_index", "fingerprint", "secret")),
        list(Challenge.objects.order_by("pk").values()),
        list(AuditRow.objects.values()),
        list(AuditChain.objects.values()),
    ]


CALLS: dict[str, Callable[[Person, Handset], Callable[[], Answer]]] = {
    "login of a new device": lambda person, other: person.new_handset().log_in,
    "login of a known device": lambda person, other: person.handset.log_in,
    "refused login": lambda person, other: lambda: person.handset.log_in(password="not the one"),
    "login of nobody": lambda person, other: lambda: person.new_handset().log_in(login="nobody"),
    "logout": lambda person, other: lambda: other.log_out(statement=False),
    "rename": lambda person, other: lambda: other.call("PATCH", f"devices/{other.hash}", {"name": "x"}),
    "address": lambda person, other: lambda: other.call("PATCH", "me", {"email": "new@example.org"}),
    "secret": lambda person, other: (
        lambda: other.call("PUT", "me/secret", {"message": sealed_to(person.key).decode()})
    ),
    "password": lambda person, other: (
        lambda: other.call(
            "POST", "me/password", {"password": person.password, "new_password": "a password that is new"}
        )
    ),
    "wrong password": lambda person, other: (
        lambda: other.call(
            "POST", "me/password", {"password": "not the one", "new_password": "a password that is new"}
        )
    ),
    "password reset": lambda person, other: (
        lambda: other.call("POST", "password-reset", {"login": person.username})
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_whose_event_cannot_be_written_does_nothing(
    person: Person, broken: Callable[[], None], call: str
) -> None:
    act = CALLS[call](person, person.certified_handset())
    before = everything()
    broken()
    answer = act()
    assert answer.refusal == REFUSED
    assert answer.headers["retry-after"] == "5"
    assert "space left" not in json.dumps(answer.json)
    assert everything() == before


def test_a_revocation_that_cannot_be_written_spends_no_challenge(
    person: Person, broken: Callable[[], None]
) -> None:
    other = person.certified_handset()
    body = person.handset.revocation(other)
    before = everything()
    broken()
    assert person.handset.call("POST", f"devices/{other.hash}/revoke", body).refusal == REFUSED
    assert everything() == before


def test_a_registration_that_cannot_be_written_makes_nobody(
    wire: DjangoWire, broken: Callable[[], None]
) -> None:
    person = Person(wire)
    body = person.registration()
    before = everything()
    broken()
    assert person.handset.call("POST", "accounts", body).refusal == REFUSED
    assert everything() == before


def test_an_activation_that_cannot_be_written_leaves_the_device_pending(
    person: Person, broken: Callable[[], None]
) -> None:
    handset = person.new_handset()
    handset.log_in().expect(200)
    before = everything()
    broken()
    assert handset.activate().refusal == REFUSED
    assert everything() == before


def test_a_device_is_not_ended_idle_unseen(person: Person, broken: Callable[[], None]) -> None:
    Device.objects.update(last_seen_at=timezone.now() - timedelta(days=91))
    broken()
    with pytest.raises(AuditUnavailable):
        lifecycle.end_idle_devices()
    assert Device.objects.get().state == "active"


def test_a_command_that_cannot_be_written_down_does_nothing(broken: Callable[[], None]) -> None:
    broken()
    with pytest.raises(AuditUnavailable):
        call_command("invite")
    with pytest.raises(AuditUnavailable):
        call_command("rotate_token_key")
    assert not Invite.objects.exists()
    assert not TokenKey.objects.exists()


def test_a_sealed_vault_refuses_as_sealed(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    other = person.certified_handset()
    before = everything()

    def sealed() -> bytes:
        raise Sealed

    monkeypatch.setattr("audit.ports.key._function", sealed)
    answer = person.handset.call("PATCH", f"devices/{other.hash}", {"name": "x"})
    assert answer.refusal == (503, "sealed")
    assert everything() == before

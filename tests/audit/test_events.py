"""What is written down, event by event, by the calls that it comes from."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from audit.events import Event
from devices.models import Device
from devices.services import lifecycle
from tests.accounts.test_secret import sealed_to
from tests.audit.reading import is_about, is_from, is_of, rows_elsewhere, rows_of, told
from tests.live import REPOSITORY
from tests.openpgp import make_key
from tests.people import Answer, DjangoWire, Handset, Person

PASSWORD = {"kind": "password"}
DEVICE = {"kind": "device"}


def since(person: Person, before: int) -> list[tuple[str, dict[str, object]]]:
    return [told(row) for row in rows_of(person)[before:]]


def test_a_registration_begins_the_accounts_chain(person: Person) -> None:
    rows = rows_of(person)
    assert [told(row) for row in rows] == [("certificate_stored", {}), ("registered", {})]
    assert all(is_of(row, person.handset) for row in rows)
    assert all(is_from(row, "127.0.0.1") for row in rows)


def test_a_new_device_is_added_logged_in_and_certified(person: Person) -> None:
    handset = person.new_handset()
    handset.log_in().expect(200)
    handset.activate().expect(200)
    rows = rows_of(person)[2:]
    assert [told(row) for row in rows] == [
        ("device_added", {}),
        ("login", {**PASSWORD, "state": "pending"}),
        ("certificate_stored", {}),
    ]
    assert all(is_of(row, handset) for row in rows)


def test_a_pending_device_that_logs_in_again_is_added_once(person: Person) -> None:
    handset = person.new_handset()
    handset.log_in().expect(200)
    handset.log_in().expect(200)
    assert [event for event, _ in since(person, 2)] == ["device_added", "login", "login"]


def test_a_known_device_logs_in_as_active(person: Person) -> None:
    person.handset.log_in().expect(200)
    assert since(person, 2) == [("login", {**PASSWORD, "state": "active"})]


def test_a_refused_login_stands_in_the_accounts_chain_with_what_was_typed(person: Person) -> None:
    typed = person.email.upper()
    person.new_handset().log_in(login=typed, password="not the one").expect(401)
    [row] = rows_of(person)[2:]
    assert told(row) == ("login_refused", PASSWORD)
    assert is_about(row, person.email)
    assert bytes(row.device_mac) == b""


def test_a_refused_login_by_a_device_of_the_account_names_it(person: Person) -> None:
    person.handset.log_in(password="not the one").expect(401)
    [row] = rows_of(person)[2:]
    assert told(row) == ("login_refused", PASSWORD)
    assert is_of(row, person.handset)


def test_a_right_password_from_a_device_that_may_not_stands_in_the_accounts_log(person: Person) -> None:
    other = person.certified_handset()
    person.handset.revoke(other).expect(200)
    stranger = Person(person.wire)
    stranger.register().expect(201)
    before = len(rows_of(person))
    other.log_in().expect(401)
    person.new_handset(key=stranger.handset.key).log_in().expect(409)
    revoked, in_use = rows_of(person)[before:]
    assert told(revoked) == ("login_refused", {**PASSWORD, "why": "revoked"})
    assert is_of(revoked, other)
    assert told(in_use) == ("login_refused", {**PASSWORD, "why": "key_in_use"})
    assert is_about(in_use, person.username)
    assert bytes(in_use.device_mac) == b""
    shown = person.handset.call("GET", "me/security-log").expect(200).json["results"]
    assert [row["details"].get("why") for row in shown[:2]] == ["key_in_use", "revoked"]
    assert [row["device"] for row in shown[:2]] == [None, other.hash]


def test_a_refused_login_of_nobody_stands_in_one_of_nobodys_chains(wire: DjangoWire) -> None:
    somebody = Person(wire)
    Handset(somebody, "any").log_in(login="who@example.org").expect(401)
    Handset(somebody, "other").log_in(login="WHO@example.org").expect(401)
    first, second = rows_elsewhere()
    assert first.chain == second.chain
    assert first.chain.startswith("nobody:")
    assert told(first) == told(second) == ("login_refused", PASSWORD)
    assert is_about(first, "who@example.org")


def test_a_refresh_is_nothing_to_write_down(person: Person) -> None:
    person.handset.refresh().expect(200)
    assert since(person, 2) == []


def test_a_revocation_names_the_device_that_ends(person: Person) -> None:
    other = person.certified_handset()
    before = len(rows_of(person))
    person.handset.revoke(other).expect(200)
    [row] = rows_of(person)[before:]
    assert told(row) == ("device_revoked", DEVICE)
    assert is_of(row, other)


@pytest.mark.parametrize("statement", [True, False])
def test_a_logout_is_the_devices_own(person: Person, statement: bool) -> None:
    other = person.certified_handset()
    before = len(rows_of(person))
    other.log_out(statement=statement).expect(204)
    [row] = rows_of(person)[before:]
    assert told(row) == ("device_logged_out", DEVICE)
    assert is_of(row, other)


def test_an_end_by_idleness_comes_from_no_network(person: Person) -> None:
    Device.objects.update(last_seen_at=timezone.now() - timedelta(days=91))
    lifecycle.end_idle_devices()
    [row] = rows_of(person)[2:]
    assert told(row) == ("device_idle", DEVICE)
    assert is_of(row, person.handset)
    assert bytes(row.network_mac) == b""


def test_a_refused_revocation_is_nothing_that_happened(person: Person) -> None:
    assert person.handset.revoke(person.handset).refusal == (409, "last_device")
    assert since(person, 2) == []


def test_a_rename_does_not_tell_the_name(person: Person) -> None:
    person.handset.call("PATCH", f"devices/{person.handset.hash}", {"name": "Kitchen"}).expect(200)
    [row] = rows_of(person)[2:]
    assert told(row) == ("device_renamed", {})
    assert is_of(row, person.handset)


def test_a_password_is_changed_or_refused(person: Person) -> None:
    body = {"password": "not the one", "new_password": "a password that is new"}
    person.handset.call("POST", "me/password", body).expect(403)
    person.handset.call("POST", "me/password", {**body, "password": person.password}).expect(200)
    assert since(person, 2) == [("password_refused", {}), ("password_changed", {})]


def reset(person: Person, statement: str = "") -> Answer:
    asking = person.new_handset()
    login = {"login": person.username}
    challenge = asking.call("POST", "password-reset", login).expect(202).json["challenge"]
    body = {
        **login,
        "challenge": challenge,
        "statement": person.key.sign(statement or person.reset_statement(challenge)),
        "password": "a password that is new",
    }
    return asking.call("POST", "password-reset", body)


def test_a_password_reset_is_asked_for_and_refused_or_done(person: Person) -> None:
    assert reset(person, "another text").refusal == (422, "challenge_invalid")
    reset(person).expect(204)
    assert [event for event, _ in since(person, 2)] == [
        "password_reset_asked",
        "password_reset_refused",
        "password_reset_asked",
        "password_reset",
    ]
    assert is_about(rows_of(person)[2], person.username)


def test_a_password_reset_for_nobody_writes_as_many_rows(wire: DjangoWire) -> None:
    nobody = Person(wire)
    assert reset(nobody).refusal == (422, "challenge_invalid")
    rows = rows_elsewhere()
    assert [row.event for row in rows] == ["password_reset_asked", "password_reset_refused"]
    assert {row.chain.partition(":")[0] for row in rows} == {"nobody"}


def test_a_change_of_the_address_does_not_tell_it(person: Person) -> None:
    person.handset.call("PATCH", "me", {"email": "elsewhere@example.org"}).expect(200)
    [row] = rows_of(person)[2:]
    assert told(row) == ("email_changed", {})
    assert is_of(row, person.handset)


def test_a_new_account_key_says_what_became_of_each_device(person: Person) -> None:
    certified, left_out = person.certified_handset(), person.certified_handset()
    before = len(rows_of(person))
    new = make_key()
    challenge = person.handset.ask_challenge("key").expect(200).json["challenge"]
    body = {
        "password": person.password,
        "public_key": new.public,
        "challenge": challenge,
        "transition": person.transition(new, challenge),
        "devices": [
            {"device": handset.hash, "certificate": handset.certificate(key=new)}
            for handset in (person.handset, certified)
        ],
    }
    person.handset.call("POST", "me/key", body).expect(200)
    *devices, last = rows_of(person)[before:]
    assert told(last) == ("account_key_replaced", {"certified": 2, "pending": 1})
    assert is_of(last, person.handset)
    stored = [row for row in devices if row.event == "certificate_stored"]
    assert [row.event for row in devices if row not in stored] == ["device_demoted"]
    assert len(stored) == 2
    assert any(is_of(row, certified) for row in stored)
    assert is_of(next(row for row in devices if row not in stored), left_out)


def test_the_account_secret_is_stored(person: Person) -> None:
    message = sealed_to(person.key).decode()
    person.handset.call("PUT", "me/secret", {"message": message}).expect(204)
    assert since(person, 2) == [("account_secret_stored", {})]


@pytest.mark.django_db
def test_an_administrators_commands_stand_in_the_servers_chain() -> None:
    call_command("invite", uses=3, days=2, stdout=StringIO())
    call_command("rotate_token_key", stdout=StringIO())
    call_command("rotate_token_key", withdraw=True, stdout=StringIO())
    rows = rows_elsewhere()
    assert {row.chain for row in rows} == {"server"}
    events = [told(row) for row in rows]
    assert events[0] == ("invite_made", {"uses": 3, "days": 2})
    made = [details for event, details in events if event == "token_key_made"]
    assert [row for row in events if row[0].startswith("token_key_") and row[0] != "token_key_made"] == [
        ("token_key_rotated", made[0])
    ]
    assert events[-1] == ("token_keys_withdrawn", made[1])


def test_every_event_is_in_the_documents() -> None:
    page = (REPOSITORY / "docs" / "audit.md").read_text().partition("## What is written")[2]
    described = set(re.findall(r"`([a-z_]+)`", page.partition("\n## ")[0]))
    assert {str(event) for event in Event} <= described

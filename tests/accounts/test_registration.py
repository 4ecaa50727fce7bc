"""`POST accounts`: a new account, its key, and this device as its first (PROTOCOL §3)."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import throttle
from accounts.models import Account, Invite
from accounts.services.registration import make_invite
from accounts.throttle import Limit
from audit.context import network_of
from devices.models import Challenge, Device
from tests.openpgp import CERTIFY, armored, make_key
from tests.people import CERTIFICATE, Answer, DjangoWire, Person, b64url, claims_of, device_hash, from_b64url


@pytest.fixture
def newcomer(wire: DjangoWire) -> Person:
    """Somebody who has not registered yet."""
    return Person(wire)


def nothing_was_made() -> bool:
    return not Account.objects.exists() and not Device.objects.exists()


# --- Fields ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "Alice"),
        ("username", "a b"),
        ("username", " alice"),
        ("username", "alice\n"),
        ("username", ""),
        ("username", "a" * 31),
        ("username", None),
        ("email", "no address"),
        ("email", "a@"),
        ("email", ""),
        ("email", "a\x00@mail.example"),
        ("email", "a" * 250 + "@mail.example"),
        ("email", None),
        ("password", ""),
        ("password", "short"),
        ("password", "1234567890123"),
        ("password", "password1234"),
        ("password", "x" * 1025),
        ("password", None),
        ("public_key", ""),
        ("public_key", None),
        ("device", None),
        ("device", {}),
        ("device", {"name": ""}),
        ("device", {"name": "x" * 65, "platform": ""}),
        ("device", {"name": "phone", "platform": "x" * 65}),
        ("device", {"name": "\u202ephone", "platform": ""}),
        ("challenge", None),
        ("challenge", b64url(bytes(31))),
        ("challenge", b64url(bytes(33))),
        ("challenge", b64url(bytes(32)) + "="),
        ("certificate", None),
        ("certificate", ""),
        ("token_type", "MAC"),
        ("invite", 7),
    ],
)
def test_a_field_is_refused_and_nothing_made(newcomer: Person, field: str, value: object) -> None:
    body = newcomer.registration() | {field: value}
    if value is None:
        body = {name: given for name, given in body.items() if name != field}
    answer = newcomer.handset.call("POST", "accounts", body)
    assert answer.refusal == (422, "invalid_fields")
    assert any(name.startswith(field) for name in answer.json["errors"])
    assert nothing_was_made()


@pytest.mark.parametrize("username", ["admin", "root", "postmaster", "hvx", "me", "instance", "support"])
def test_a_reserved_name_is_taken(newcomer: Person, username: str) -> None:
    body = newcomer.registration() | {"username": username}
    assert newcomer.handset.call("POST", "accounts", body).refusal == (409, "username_taken")
    assert nothing_was_made()


def test_a_name_that_somebody_has_is_taken(person: Person) -> None:
    other = Person(person.wire)
    body = other.registration() | {"username": person.username}
    assert other.handset.call("POST", "accounts", body).refusal == (409, "username_taken")


# --- The public key and the certificate -----------------------------------------------------------


PUBLIC_KEYS: dict[str, tuple[str, Callable[[Person], str]]] = {
    "a private key": ("public_key_secret", lambda person: person.key.secret),
    "two keys": (
        "public_key_not_single",
        lambda person: armored(person.key.public_packets + make_key().public_packets, "PUBLIC KEY BLOCK"),
    ),
    "junk": ("public_key_unreadable", lambda person: "junk"),
    "a key that only certifies": ("public_key_cannot_sign", lambda person: make_key(flags=CERTIFY).public),
    "a revoked key": (
        "public_key_revoked",
        lambda person: person.key.revoked(person.key.primary.created + 1).public,
    ),
    "more than 64 KiB": ("public_key_too_large", lambda person: person.key.public + " \n" * 40_000 + "."),
}


@pytest.mark.parametrize("fault", PUBLIC_KEYS)
def test_a_public_key_is_refused_and_nothing_made(newcomer: Person, fault: str) -> None:
    code, make = PUBLIC_KEYS[fault]
    answer = newcomer.register(public_key=make(newcomer))
    assert answer.refusal == (422, code)
    assert nothing_was_made()
    # The challenge is spent by success alone: with the right key it serves.
    body = newcomer.registration()
    assert newcomer.handset.call("POST", "accounts", body | {"public_key": make(newcomer)}).status == 422
    newcomer.handset.call("POST", "accounts", body).expect(201)


def _statement(person: Person, **changes: Any) -> str:
    statement = person.handset.statement()
    return type(statement)(**{**vars(statement), **changes}).text(CERTIFICATE)


CERTIFICATES: dict[str, Callable[[Person], str]] = {
    "by another key": lambda person: make_key().sign(_statement(person)),
    "under another heading": lambda person: person.key.sign(
        person.handset.statement().text("hvx-device-revocation/1")
    ),
    "under another version": lambda person: person.key.sign(
        person.handset.statement().text("hvx-device-certificate/2")
    ),
    "for another origin": lambda person: person.key.sign(_statement(person, origin="https://example.net")),
    "for the origin with a slash": lambda person: person.key.sign(
        _statement(person, origin=person.wire.origin + "/")
    ),
    "for another account": lambda person: person.key.sign(_statement(person, account="x@localhost:8000")),
    "for the name without its host": lambda person: person.key.sign(
        _statement(person, account=person.username)
    ),
    "with another fingerprint": lambda person: person.key.sign(
        _statement(person, fingerprint=make_key().fingerprint)
    ),
    "with the fingerprint in small letters": lambda person: person.key.sign(
        _statement(person, fingerprint=person.key.fingerprint.lower())
    ),
    "for another device": lambda person: person.key.sign(_statement(person, device=b64url(bytes(32)))),
    "for another device key": lambda person: person.key.sign(_statement(person, device_key=bytes(32))),
    "for another challenge": lambda person: person.key.sign(_statement(person, challenge=b64url(bytes(32)))),
    "with CRLF": lambda person: person.key.sign(_statement(person).replace("\n", "\r\n")),
    "with a line feed at the end": lambda person: person.key.sign(_statement(person) + "\n"),
    "with a line more": lambda person: person.key.sign(_statement(person) + "\nx: y"),
    "of a text document": lambda person: person.key.sign(_statement(person), kind=0x01),
    "of eleven minutes ago": lambda person: person.key.sign(
        _statement(person), created=int(timezone.now().timestamp()) - 660
    ),
}


@pytest.mark.parametrize("fault", CERTIFICATES)
def test_a_certificate_is_refused_and_nothing_made(newcomer: Person, fault: str) -> None:
    body = newcomer.registration()
    wrong = body | {"certificate": CERTIFICATES[fault](newcomer)}
    assert newcomer.handset.call("POST", "accounts", wrong).refusal == (422, "certificate_invalid")
    assert nothing_was_made()
    newcomer.handset.call("POST", "accounts", body).expect(201)


# --- The challenge --------------------------------------------------------------------------------


def test_a_challenge_serves_once(newcomer: Person) -> None:
    body = newcomer.registration()
    newcomer.handset.call("POST", "accounts", body).expect(201)
    assert newcomer.handset.call("POST", "accounts", body).refusal == (409, "username_taken")
    again = Person(newcomer.wire, email="another@mail.example", key=newcomer.key)
    assert again.handset.call("POST", "accounts", body).refusal == (409, "username_taken")


def test_a_challenge_for_another_name_is_refused(newcomer: Person) -> None:
    other = Person(newcomer.wire, key=newcomer.key)
    other.handset = newcomer.handset
    challenge = newcomer.handset.ask_challenge("register", username=newcomer.username).json["challenge"]
    body = other.registration() | {"challenge": challenge}
    newcomer.handset.person, newcomer.handset.challenge = other, challenge
    newcomer.handset.hash = device_hash(other.account, newcomer.handset.public, from_b64url(challenge))
    body["certificate"] = newcomer.handset.certificate()
    assert newcomer.handset.call("POST", "accounts", body).refusal == (422, "challenge_invalid")
    assert nothing_was_made()


def test_an_expired_challenge_is_refused(newcomer: Person) -> None:
    body = newcomer.registration()
    Challenge.objects.update(expires_at=timezone.now())
    assert newcomer.handset.call("POST", "accounts", body).refusal == (422, "challenge_invalid")
    assert nothing_was_made()


def test_a_challenge_that_was_given_to_revoke_is_refused(person: Person) -> None:
    given = person.handset.ask_challenge("revoke", device=person.handset.hash).json["challenge"]
    newcomer = Person(person.wire)
    body = newcomer.registration() | {"challenge": given}
    newcomer.handset.challenge = given
    newcomer.handset.hash = device_hash(newcomer.account, newcomer.handset.public, from_b64url(given))
    body["certificate"] = newcomer.handset.certificate()
    assert newcomer.handset.call("POST", "accounts", body).refusal == (422, "challenge_invalid")


# --- The device key -------------------------------------------------------------------------------


def test_a_device_key_that_another_account_has_is_refused(person: Person) -> None:
    newcomer = Person(person.wire)
    body = newcomer.registration()
    newcomer.handset.key = person.handset.key
    assert newcomer.handset.call("POST", "accounts", body).refusal == (409, "device_key_in_use")


def test_a_device_key_that_has_ended_is_refused(person: Person) -> None:
    phone = person.certified_handset()
    person.handset.revoke(phone).expect(200)
    newcomer = Person(person.wire)
    body = newcomer.registration()
    newcomer.handset.key = phone.key
    assert newcomer.handset.call("POST", "accounts", body).refusal == (401, "device_revoked")


# --- E-mail ---------------------------------------------------------------------------------------


def test_an_address_that_has_an_account_is_refused_in_any_spelling(person: Person) -> None:
    for email in (person.email, person.email.upper(), f"  {person.email} "):
        newcomer = Person(person.wire, email=email)
        assert newcomer.register().refusal == (409, "email_taken")
    assert Account.objects.count() == 1


def test_who_was_told_five_times_that_an_address_is_taken_is_told_to_wait(person: Person) -> None:
    for _ in range(throttle.EMAIL_TAKEN_ANSWERS.most):
        assert Person(person.wire, email=person.email).register().refusal == (409, "email_taken")
    answer = Person(person.wire, email=person.email).register()
    assert answer.refusal == (429, "rate_limited")
    assert int(answer.headers["retry-after"]) > 0
    # Nor does a free address tell itself from a taken one then.
    assert Person(person.wire).register().refusal == (429, "rate_limited")
    Person(DjangoWire("192.0.2.7")).register().expect(201)


def test_a_change_of_address_counts_as_well(person: Person) -> None:
    taken = Person(person.wire)
    taken.register().expect(201)
    for _ in range(throttle.EMAIL_TAKEN_ANSWERS.most):
        assert person.handset.call("PATCH", "me", {"email": taken.email}).refusal == (409, "email_taken")
    assert person.handset.call("PATCH", "me", {"email": taken.email}).refusal == (429, "rate_limited")
    assert person.handset.call("PATCH", "me", {"email": "free@mail.example"}).status == 429
    # It was one account that asked too often, not everybody beside it.
    Person(person.wire).register().expect(201)


def test_an_invented_challenge_tells_nothing_of_an_address(person: Person) -> None:
    curious = Person(person.wire, email=person.email)
    body = curious.registration()
    invented = b"\x00" * 32
    curious.handset.challenge = b64url(invented)
    curious.handset.hash = device_hash(curious.account, curious.handset.public, invented)
    body |= {"challenge": b64url(invented), "certificate": curious.handset.certificate()}
    answer = curious.handset.call("POST", "accounts", body)
    assert answer.refusal == (422, "challenge_invalid")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "", True),
        ("unix:", "unix:", True),
    ],
)
def test_a_network_is_an_ipv4_address_or_a_64(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) == same


# --- Closed servers and invites -------------------------------------------------------------------


def test_a_closed_server_takes_nobody(newcomer: Person, settings: Settings) -> None:
    body = newcomer.registration()
    settings.HVX_REGISTRATION = "closed"
    refusal = (403, "registration_closed")
    assert newcomer.handset.call("POST", "accounts", body).refusal == refusal
    assert newcomer.handset.ask_challenge("register", username=newcomer.username).refusal == refusal
    body["invite"] = make_invite(uses=1, days=1)
    assert newcomer.handset.call("POST", "accounts", body).refusal == refusal
    assert nothing_was_made()


@pytest.mark.parametrize("code", [None, "", "nonsense", "A" * 22])
def test_without_a_good_invite_nobody_gets_in(newcomer: Person, settings: Settings, code: str | None) -> None:
    settings.HVX_REGISTRATION = "invite"
    make_invite(uses=1, days=1)
    assert newcomer.register(invite=code).refusal == (403, "invite_invalid")
    assert nothing_was_made()


def test_a_bad_invite_costs_no_password_hash_and_is_counted_by_network(
    wire: DjangoWire, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HVX_REGISTRATION = "invite"
    monkeypatch.setattr(throttle, "REFUSED_INVITES", Limit("refused-invites", 2, 3600))
    person, code = Person(wire), make_invite(uses=1, days=1)
    with monkeypatch.context() as patch:
        patch.setattr("accounts.passwords.make_password", None)
        patch.setattr("accounts.openpgp.verify", None)
        for _ in range(2):
            assert person.register(invite="nonsense").refusal == (403, "invite_invalid")
        waiting = person.register(invite="nonsense")
        assert waiting.refusal == (429, "rate_limited")
        assert int(waiting.headers["retry-after"]) > 0
        elsewhere = Person(DjangoWire("192.0.2.7"))
        assert elsewhere.register(invite="nonsense").refusal == (403, "invite_invalid")
    # Nobody guesses one, so a good one is let in whoever beside it failed.
    person.register(invite=code).expect(201)


def test_an_invite_that_has_expired_is_refused(newcomer: Person, settings: Settings) -> None:
    settings.HVX_REGISTRATION = "invite"
    code = make_invite(uses=1, days=1)
    Invite.objects.update(expires_at=timezone.now())
    assert newcomer.register(invite=code).refusal == (403, "invite_invalid")


def test_an_invite_serves_as_often_as_it_says_and_a_refused_registration_uses_up_none(
    wire: DjangoWire, settings: Settings
) -> None:
    settings.HVX_REGISTRATION = "invite"
    code = make_invite(uses=2, days=1)
    assert Person(wire).register(invite=code, certificate="junk").refusal == (422, "certificate_invalid")
    assert Person(wire, "admin_").register(invite=code, password="short").status == 422
    for _ in range(2):
        Person(wire).register(invite=f" {code} ").expect(201)
    assert Person(wire).register(invite=code).refusal == (403, "invite_invalid")


def test_a_challenge_is_given_back_where_the_invite_is_refused(newcomer: Person, settings: Settings) -> None:
    settings.HVX_REGISTRATION = "invite"
    body = newcomer.registration(invite="nonsense")
    assert newcomer.handset.call("POST", "accounts", body).refusal == (403, "invite_invalid")
    good = body | {"invite": make_invite(uses=1, days=1)}
    newcomer.handset.call("POST", "accounts", good).expect(201)


def test_an_open_server_asks_for_no_invite(newcomer: Person) -> None:
    newcomer.register(invite="nonsense").expect(201)


def test_the_command_makes_an_invite_whose_code_is_kept_nowhere(
    wire: DjangoWire, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.HVX_REGISTRATION = "invite"
    call_command("invite", "--uses", "1", "--days", "3")
    code = capsys.readouterr().out.strip()
    [row] = Invite.objects.values()
    assert code not in str(row)
    assert (row["uses_left"], (row["expires_at"] - timezone.now()).days) == (1, 2)
    Person(wire).register(invite=code).expect(201)


# --- All at once ----------------------------------------------------------------------------------


def at_once(people: list[Person], bodies: list[dict[str, Any]]) -> list[Answer]:
    """Every body posted by its person's device at the same moment."""
    together = threading.Barrier(len(people))
    answers: list[Answer] = []

    def register(person: Person, body: dict[str, Any]) -> None:
        together.wait()
        try:
            answers.append(person.handset.call("POST", "accounts", body))
        finally:
            connection.close()

    threads = [threading.Thread(target=register, args=pair) for pair in zip(people, bodies, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def outcomes(answers: list[Answer]) -> list[str]:
    return sorted("registered" if answer.status == 201 else answer.code for answer in answers)


@pytest.mark.django_db(transaction=True)
def test_of_several_who_want_one_name_at_once_one_gets_it() -> None:
    people = [Person(DjangoWire(), "alice", email=f"a{number}@mail.example") for number in range(4)]
    answers = at_once(people, [person.registration() for person in people])
    assert outcomes(answers) == ["registered"] + ["username_taken"] * 3
    assert Account.objects.count() == Device.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_several_with_one_address_at_once_one_gets_in() -> None:
    people = [Person(DjangoWire(), email="shared@mail.example") for _ in range(4)]
    answers = at_once(people, [person.registration() for person in people])
    assert outcomes(answers) == ["email_taken"] * 3 + ["registered"]


@pytest.mark.django_db(transaction=True)
def test_of_several_with_one_invite_at_once_one_gets_in(settings: Settings) -> None:
    settings.HVX_REGISTRATION = "invite"
    code = make_invite(uses=1, days=1)
    people = [Person(DjangoWire()) for _ in range(4)]
    answers = at_once(people, [person.registration(invite=code) for person in people])
    assert outcomes(answers) == ["invite_invalid"] * 3 + ["registered"]
    assert Invite.objects.get().uses_left == 0


@pytest.mark.django_db(transaction=True)
def test_one_registration_sent_several_times_at_once_is_made_once() -> None:
    person = Person(DjangoWire())
    body = person.registration()
    copies = []
    for _ in range(4):
        copy = Person(DjangoWire(), person.username, key=person.key)
        copy.handset.key, copy.handset.nonce = person.handset.key, person.handset.nonce
        copies.append(copy)
    answers = at_once(copies, [body] * 4)
    assert outcomes(answers)[0] in ("registered", "challenge_invalid", "username_taken")
    assert sum(answer.status == 201 for answer in answers) == 1
    assert Account.objects.count() == 1


# --- What comes of it -----------------------------------------------------------------------------


def test_who_registers_has_an_account_an_active_device_and_a_full_token(newcomer: Person) -> None:
    told = newcomer.register().expect(201).json
    assert told["account"] == {
        "id": newcomer.id,
        "username": newcomer.username,
        "account": newcomer.account,
        "fingerprint": newcomer.key.fingerprint,
    }
    assert told["device"] == newcomer.handset.hash
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 600)
    assert told["warnings"] == ["back_up_account_key"]
    assert claims_of(told["access_token"])["scope"] == "full"
    newcomer.handset.call("GET", "me").expect(200)


def test_a_lost_answer_is_got_again_by_logging_in_with_the_same_device_key(newcomer: Person) -> None:
    newcomer.register().expect(201)
    newcomer.handset.token = ""
    told = newcomer.handset.log_in().expect(200).json
    assert told["state"] == "active"


def test_neither_password_nor_address_stands_in_the_database_in_clear(newcomer: Person) -> None:
    newcomer.register().expect(201)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_account")
        row = [bytes(v) if isinstance(v, memoryview) else v for v in cursor.fetchone()]
    text = repr(row)
    assert newcomer.username in text
    assert newcomer.email not in text
    assert newcomer.password not in text
    assert "argon2" in text


def test_a_password_is_taken_as_it_is_typed(wire: DjangoWire) -> None:
    person = Person(wire, password="  sünny\tmeadow 😀  ")
    person.register().expect(201)
    person.handset.log_in().expect(200)
    for other in (person.password.strip(), person.password + " "):
        assert person.new_handset().log_in(password=other).refusal == (401, "invalid_credentials")

"""Erasing an account: everything goes at once, and its name and keys are nobody's afterwards."""

import random
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, connections

from accounts.models import Account, ErasedUsername, Passkey
from accounts.ports import account_erased
from accounts.services.erasure import erase_account
from audit.models import AuditRow
from devices import ports
from devices.models import Challenge, Device, ErasedDeviceKey, IdempotencyRecord
from tests.accounts.test_export import ROOMS, live_a_little
from tests.accounts.test_secret import sealed_to
from tests.audit.reading import rows_of, told
from tests.crashes import ENDED, FAILED, KILLED, Crashes
from tests.live import LiveServer
from tests.openpgp import make_key
from tests.people import Answer, DjangoWire, Handset, LiveWire, Person, b64url
from tests.scenarios.searching import found_in_files
from tests.webauthn import Authenticator

Race = Callable[[Person], Callable[[], Answer]]


def erase(handset: Handset, password: str | None = None, **how: Any) -> Answer:
    body = {"password": handset.person.password if password is None else password}
    return handset.call("DELETE", "me", body, **how)


def dump() -> str:
    """Every value of every table of ours, as text and, for bytes, as hex and base64url."""
    pieces = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            for row in cursor.fetchall():
                for value in row:
                    if isinstance(value, bytes | memoryview):
                        raw = bytes(value)
                        pieces += [raw.hex(), b64url(raw), raw.decode("latin-1")]
                    else:
                        pieces.append(str(value))
                    if isinstance(value, UUID):
                        pieces.append(value.hex)
    return "\n".join(pieces)


def traces(person: Person) -> dict[str, str]:
    """What could be found of a person, by what it is."""
    account = Account.objects.get(pk=person.id)
    found = {
        "username": person.username,
        "e-mail address": person.email,
        "account id": person.id,
        "account id, without dashes": person.id.replace("-", ""),
        "password hash": account.password,
        "fingerprint": person.key.fingerprint,
        "public key": account.public_key.splitlines()[3],
    }
    for row in Device.objects.filter(account=account):
        found |= {f"hash of {row.name}": row.hash, f"certificate of {row.name}": row.certificate[100:160]}
        found |= {f"name of {row.name}": row.name, f"id of {row.name}": str(row.pk).replace("-", "")}
        if row.key is not None:
            found[f"key of {row.name}"] = bytes(row.key).hex()
    for passkey in Passkey.objects.filter(account=account):
        found |= {"passkey": bytes(passkey.credential_id).hex(), "its name": passkey.name}
    return {what: text for what, text in found.items() if text}


# --- Refused -----------------------------------------------------------------------------------------


def test_without_the_password_nothing_is_erased(person: Person) -> None:
    assert erase(person.handset, "not the password").refusal == (403, "password_wrong")
    assert person.handset.call("DELETE", "me", {}).refusal == (422, "invalid_fields")
    assert person.handset.call("DELETE", "me").refusal == (422, "invalid_fields")
    assert erase(person.handset, proof=False).refusal == (401, "invalid_dpop_proof")
    assert erase(person.handset, authorization=False).refusal == (401, "not_authenticated")
    person.handset.call("GET", "me").expect(200)


def test_a_pending_device_erases_nothing(person: Person) -> None:
    phone = person.new_handset()
    phone.log_in().expect(200)
    assert erase(phone).refusal == (403, "device_pending")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "broken",
    ["record", "ports.account_erased", "erasure.erase_devices", "ErasedUsername.of", "ErasedUsername.save"],
)
def test_what_fails_half_way_has_erased_nothing(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    live_a_little(person)
    before = dump()

    def fail(*args: object, **how: object) -> None:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(f"accounts.services.erasure.{broken}", fail)
        assert erase(person.handset).status >= 500
    assert dump() == before
    person.handset.call("GET", "me").expect(200)
    erase(person.handset).expect(204)


# --- What is left ------------------------------------------------------------------------------------


def test_nothing_of_an_erased_account_can_be_found(person: Person) -> None:
    live_a_little(person)
    of_person = traces(person)
    before = dump()
    # The address is sealed, and an id is written with dashes or without.
    unseen = {what for what, text in of_person.items() if text not in before}
    assert "e-mail address" in unseen
    assert len(unseen - {"e-mail address", "account id", "account id, without dashes"}) == 0
    erase(person.handset).expect(204)
    after = dump()
    assert {what for what, text in of_person.items() if text in after} == set()


def test_no_row_of_any_table_is_left_but_the_audits_and_the_tombstones(person: Person) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)

    def counted() -> dict[str, int]:
        return {
            model._meta.label: model._default_manager.count()
            for room in ROOMS
            for model in apps.get_app_config(room).get_models()
            if not model._meta.label.startswith("audit.")
        }

    bystander = Person(person.wire)
    before = counted()
    bystander.register().expect(201)
    live_a_little(bystander)
    devices = Device.objects.filter(account_id=bystander.id, key__isnull=False).count()
    erase(bystander.handset).expect(204)
    after = counted()
    assert after.pop("accounts.ErasedUsername") == before.pop("accounts.ErasedUsername") + 1
    assert after.pop("devices.ErasedDeviceKey") == before.pop("devices.ErasedDeviceKey") + devices
    assert after == before
    stranger.handset.call("GET", "me").expect(200)


def test_the_audit_keeps_its_rows_and_says_who_erased(person: Person) -> None:
    live_a_little(person)
    before = rows_of(person)
    erase(person.handset).expect(204)
    after = rows_of(person)
    assert after[:-1] == before
    assert told(after[-1]) == ("erased", {})
    assert all(person.username not in row.details for row in AuditRow.objects.all())


# --- What is dead ------------------------------------------------------------------------------------


def test_tokens_logins_and_proofs_are_refused_at_once(person: Person) -> None:
    phone = person.certified_handset()
    ended = person.certified_handset()
    person.handset.revoke(ended).expect(200)
    challenge = person.handset.call("POST", "password-reset", {"login": person.username}).json["challenge"]
    statement = person.key.sign(person.reset_statement(challenge))
    erase(person.handset).expect(204)
    for handset in (person.handset, phone):
        assert handset.call("GET", "me").refusal == (401, "invalid_token")
        assert handset.refresh().refusal == (401, "device_revoked")
        assert handset.log_in().refusal == (401, "invalid_credentials")
    assert ended.refresh().refusal == (401, "device_revoked")
    assert person.new_handset().log_in(login=person.email).refusal == (401, "invalid_credentials")
    reset = {"login": person.username, "challenge": challenge, "statement": statement}
    answer = phone.call("POST", "password-reset", reset | {"password": "another good password"})
    assert answer.refusal == (422, "challenge_invalid")
    public = phone.call("GET", f"accounts/{person.username}")
    assert public.refusal == (404, "unknown_account")


def test_a_passkey_of_an_erased_account_logs_nobody_in(person: Person) -> None:
    authenticator = live_a_little(person)
    phone = person.new_handset()
    options = phone.call("POST", "sessions/passkey/options").expect(200).json["options"]
    shown = authenticator.get(options, origin=person.wire.origin)
    erase(person.handset).expect(204)
    body = {"credential": shown, "device": {"name": "x", "platform": ""}}
    assert phone.call("POST", "sessions/passkey", body).refusal == (401, "invalid_credentials")


def test_neither_the_name_nor_a_device_key_is_given_to_anybody_again(person: Person) -> None:
    ended = person.certified_handset()
    person.handset.revoke(ended).expect(200)
    erase(person.handset).expect(204)
    again = Person(person.wire, person.username)
    assert again.handset.ask_challenge("register", username=person.username).refusal == (
        409,
        "username_taken",
    )
    stranger = Person(person.wire)
    stranger.register().expect(201)
    for key in (person.handset.key, ended.key):
        theirs = stranger.new_handset(key=key)
        assert theirs.log_in().refusal == (401, "device_revoked")
        assert theirs.ask_challenge("register", username="somebody_new").refusal == (401, "device_revoked")


def test_the_e_mail_address_may_have_an_account_again(person: Person) -> None:
    erase(person.handset).expect(204)
    again = Person(person.wire, email=person.email)
    again.register().expect(201)
    assert again.id != person.id


def test_a_registration_that_was_under_way_does_not_get_the_name(person: Person) -> None:
    """Its challenge is older than the account that was erased."""
    late = Person(person.wire, "a_wanted_name")
    body = late.registration()
    owner = Person(person.wire, "a_wanted_name")
    owner.register().expect(201)
    erase(owner.handset).expect(204)
    assert late.handset.call("POST", "accounts", body).refusal == (409, "username_taken")


def test_rooms_above_hear_of_it_while_everything_is_still_there(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = person.certified_handset()
    heard: list[tuple[str, ...]] = []

    def erased(account_id: str, account: str) -> None:
        assert Account.objects.filter(pk=account_id).exists()
        heard.append((account_id, account))

    monkeypatch.setattr(account_erased, "_functions", [erased])
    monkeypatch.setattr(ports.device_ended, "_functions", [lambda *one: heard.append(one)])
    pushed: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "devices.services.erasure.push", lambda device, message: pushed.append((device, message["type"]))
    )
    erase(person.handset).expect(204)
    assert heard[0] == (person.id, person.account)
    hashes = {person.handset.hash, phone.hash}
    assert set(heard[1:]) == {(hash_, person.id) for hash_ in hashes}
    assert set(pushed) == {(hash_, "device.ended") for hash_ in hashes}


# --- At once -----------------------------------------------------------------------------------------


def together(actions: list[Callable[[], Answer]]) -> list[Answer]:
    barrier, answers = threading.Barrier(len(actions)), list[Answer]()

    def act(action: Callable[[], Answer]) -> None:
        barrier.wait()
        try:
            answers.append(action())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(4))
def test_logins_and_changes_while_it_goes_leave_nothing_behind(round_: int) -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    phones = [person.new_handset() for _ in range(3)]
    for phone in phones:
        phone.call("GET", "instance")
    path, keyed = f"devices/{person.handset.hash}", {"Idempotency-Key": "x"}
    answers = together(
        [
            *[phone.log_in for phone in phones],
            lambda: erase(person.handset),
            lambda: person.handset.call("PATCH", path, {"name": "another name"}, headers=keyed),
        ]
    )
    assert [answer.status for answer in answers].count(204) == 1
    assert not [answer for answer in answers if answer.status >= 500]
    assert not Account.objects.filter(pk=person.id).exists()
    assert not Device.objects.filter(account_id=person.id).exists()
    assert not IdempotencyRecord.objects.exists()
    assert not Challenge.objects.filter(account=person.account).exists()


def add_passkey(person: Person) -> Callable[[], Answer]:
    asked = person.handset.call("POST", "me/passkeys", {"password": person.password}).expect(200).json
    made = Authenticator().create(asked["options"], origin=person.wire.origin)
    return lambda: person.handset.call("POST", "me/passkeys", {"name": "a key", "credential": made})


def activate(person: Person) -> Callable[[], Answer]:
    phone = person.new_handset()
    phone.log_in().expect(200)
    return phone.activate


def replace_key(person: Person) -> Callable[[], Answer]:
    new = make_key(person.username)
    challenge = person.handset.ask_challenge("key").expect(200).json["challenge"]
    body = {
        "password": person.password,
        "public_key": new.public,
        "challenge": challenge,
        "transition": person.transition(new, challenge),
        "devices": [],
    }
    return lambda: person.handset.call("POST", "me/key", body)


def revoke(person: Person) -> Callable[[], Answer]:
    body, path = person.handset.revocation(person.handset), f"devices/{person.handset.hash}/revoke"
    return lambda: person.handset.call("POST", f"{path}?key_backed_up=true", body)


def calling(method: str, path: str, body: dict[str, Any] | None = None, **how: Any) -> Race:
    """A call that needs nothing before it; a body has the password where it has an empty one."""

    def prepare(person: Person) -> Callable[[], Answer]:
        if path == "me/secret":
            sent: dict[str, Any] = {"message": sealed_to(person.key).decode()}
        else:
            sent = {name: value or person.password for name, value in (body or {}).items()}
        where = path.format(device=person.handset.hash)
        return lambda: person.handset.call(method, where, sent, **how)

    return prepare


KEYED = {"Idempotency-Key": "x"}
# Each with the last function that finds the account, or something of it, still there.
RACES: dict[str, tuple[str, Race]] = {
    "rename": ("devices.queries.own_device", calling("PATCH", "devices/{device}", {"name": "another name"})),
    "challenge under a key": (
        "devices.idempotency._digest",
        calling("POST", "challenges", {"purpose": "key"}, headers=KEYED),
    ),
    "e-mail": ("accounts.queries.of", calling("PATCH", "me", {"email": "other@mail.example"})),
    "secret": ("accounts.queries.of", calling("PUT", "me/secret")),
    "password": (
        "accounts.passwords.confirm",
        calling("POST", "me/password", {"password": "", "new_password": "another one of twelve"}),
    ),
    "export": ("accounts.passwords.confirm", calling("POST", "me/export", {"password": ""})),
    "access key": (
        "accounts.passwords.confirm",
        calling("POST", "me/access-keys", {"name": "x", "scopes": ["files:read"], "password": ""}),
    ),
    "passkey begun": ("accounts.passwords.confirm", calling("POST", "me/passkeys", {"password": ""})),
    "passkey added": ("accounts.passkeys.verify_creation", add_passkey),
    "account key": ("accounts.passwords.confirm", replace_key),
    "activation": ("devices.queries.speaking_device", activate),
    "logout": ("devices.queries.speaking_device", calling("POST", "sessions/logout?key_backed_up=true")),
    "revocation": ("accounts.queries.of", revoke),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("race", RACES)
def test_a_call_that_is_overtaken_is_refused_as_of_a_device_that_has_ended(
    race: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    found, prepare = RACES[race]
    call = prepare(person)
    erase_after(found, person, monkeypatch)
    assert call().refusal == (401, "device_revoked")
    assert not Account.objects.exists()
    assert not Device.objects.exists()
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_answer_to_who_was_erased_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    # As where the account was read just before.
    read = Account.objects.get()
    monkeypatch.setattr("accounts.queries.of", lambda principal: read)
    erase_after("devices.idempotency._digest", person, monkeypatch)
    answer = person.handset.call("POST", "challenges", {"purpose": "key"}, headers=KEYED)
    assert answer.refusal == (401, "device_revoked")
    assert not IdempotencyRecord.objects.exists()
    assert not Challenge.objects.exists()


def erase_after(found: str, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has called the function finds the account erased from then on."""
    owner, _, name = found.rpartition(".")
    find = getattr(import_module(owner), name)

    def find_and_erase(*args: Any, **how: Any) -> Any:
        there = find(*args, **how)
        if Account.objects.exists():
            erase_account(UUID(person.id), by=person.handset.hash)
        return there

    monkeypatch.setattr(found, find_and_erase)


@pytest.mark.django_db(transaction=True)
def test_of_two_that_erase_at_once_one_does() -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    phone = person.certified_handset()
    answers = together([lambda: erase(person.handset), lambda: erase(phone)])
    assert sorted(answer.status for answer in answers)[0] == 204
    assert ErasedUsername.objects.count() == 1
    assert ErasedDeviceKey.objects.count() == 2


# --- The files ---------------------------------------------------------------------------------------


def test_the_files_of_an_unencrypted_database_hold_nothing_of_an_erased_account(tmp_path: Path) -> None:
    with LiveServer(tmp_path, cluster=False, env={"HVX_DATABASE_ENCRYPTION": "off"}) as server:
        wire = LiveWire(server.url, server.origin)
        person = Person(wire)
        person.register().expect(201)
        live_a_little(person)
        needles = {
            "username": person.username.encode(),
            "e-mail address": person.email.encode(),
            "account id": person.id.replace("-", "").encode(),
            "fingerprint": person.key.fingerprint.encode(),
            "device hash": person.handset.hash.encode(),
            "device key": person.handset.public,
            "name of a device": b"kitchen tablet",
            "name of a device that had ended": b"telephone that was lost",
            "name of a passkey": b"yellow token",
            "name of an access key": b"nightly bot",
        }
        folders = [server.data_dir]
        there = set().union(*found_in_files(folders, needles).values())
        assert there == needles.keys() - {"e-mail address"}  # sealed
        erase(person.handset).expect(204)
        assert found_in_files(folders, needles) == {}
        assert person.handset.refresh().refusal == (401, "device_revoked")
        wire.close()


@pytest.mark.parametrize(
    ("cluster", "deaths"),
    [
        pytest.param(False, 100, id="sqlite"),
        pytest.param(True, 30, id="postgresql", marks=pytest.mark.needs("postgres", "redis")),
    ],
)
def test_an_erasure_killed_at_any_moment_has_erased_all_or_nothing(
    tmp_path: Path, cluster: bool, deaths: int
) -> None:
    works = "tests.accounts.erasing"
    with LiveServer(tmp_path, cluster=cluster) as server:
        server.stop()
        with Crashes(f"{works}:fill", server.env) as fill:
            assert fill.run() == ENDED
        with (
            Crashes(f"{works}:erase_one", server.env) as one,
            Crashes(f"{works}:check", server.env) as check,
        ):
            one.run()
            began = time.monotonic()
            assert one.run() == ENDED
            whole = time.monotonic() - began
            outcomes: list[str] = []
            while outcomes.count(KILLED) < deaths:
                outcomes.append(one.kill_after(random.uniform(0, whole)))
                assert outcomes[-1] != FAILED
                if len(outcomes) % 10 == 0:
                    assert check.run() == ENDED
            assert check.run() == ENDED


@pytest.mark.django_db(transaction=True)
def test_a_reader_does_not_hold_up_an_erasure() -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    reading, done = threading.Event(), threading.Event()

    def read() -> None:
        try:
            with connection.cursor() as cursor:
                # A snapshot of its own, for as long as the transaction is open.
                cursor.execute("BEGIN")
                cursor.execute("SELECT count(*) FROM accounts_account")
                reading.set()
                done.wait(30)
                cursor.execute("ROLLBACK")
        finally:
            connections.close_all()

    reader = threading.Thread(target=read)
    reader.start()
    assert reading.wait(10)
    try:
        began = time.monotonic()
        erase(person.handset).expect(204)
        assert time.monotonic() - began < 5
    finally:
        done.set()
        reader.join()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout")
            assert cursor.fetchone() == (20_000,)
    assert not Account.objects.exists()

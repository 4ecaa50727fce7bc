"""The export of an account: all that is held of it, and nothing of anybody else's (PROTOCOL §3)."""

import io
import json
import threading
import zipfile
from typing import Any

import pytest
from django.apps import apps
from django.db import connections, models

from accounts.models import AccessKey, Account, KeyTransition, Passkey
from accounts.ports import Part, export_parts
from accounts.services import export
from activitypub import export as actor_export
from activitypub.models import (
    Actor,
    ActorKey,
    Block,
    Bookmark,
    Boost,
    Delivery,
    Edition,
    Follow,
    Hashtag,
    HostBlock,
    Like,
    Mention,
    Mute,
    Notification,
    Pin,
    Post,
    QuoteRequest,
    Report,
    Sent,
    Vote,
)
from audit.errors import AuditUnavailable
from audit.events import Event
from audit.models import AuditChain, AuditRow
from devices.models import Challenge, Device, IdempotencyRecord
from tests.audit.reading import rows_of
from tests.openpgp import make_key
from tests.people import DjangoWire, Handset, Person, b64url
from tests.webauthn import Authenticator

# Of each table with rows of an account: the columns that are not in the export, and why.
LEFT_OUT: dict[type[models.Model], dict[str, str]] = {
    Account: {
        "password": "a hash",
        "email_index": "a keyed hash of the address, which is there",
    },
    KeyTransition: {"id": "the row's number", "account": "the account"},
    Passkey: {"account": "the account"},
    Device: {"account": "the account"},
    AccessKey: {"digest": "a hash"},
    Challenge: {"id": "the row's number", "account": "the account"},
    IdempotencyRecord: {
        "id": "the row's number",
        "account": "the account",
        "digest": "a hash",
        "body_digest": "a hash",
    },
    Actor: {
        "account": "the account",
        "host": "empty for an actor of this server",
        "fetched_at": "null for an actor of this server",
    },
    ActorKey: {"actor": "the actor", "private": "the server's own, to sign for the actor"},
    Follow: {},
    Post: {"author": "the actor"},
    QuoteRequest: {},
    Edition: {},
    Mention: {},
    Hashtag: {},
    Report: {"reporter": "the actor"},
    Notification: {"recipient": "the actor"},
    Delivery: {"claimed_until": "a worker's mark", "synchronise": "which header goes with it"},
    **{
        model: {"actor": "the actor"}
        for model in (Like, Boost, Vote, Pin, Bookmark, Block, Mute, HostBlock, Sent)
    },
    AuditRow: {
        "chain": "a keyed hash of the account",
        "device_mac": "a keyed hash",
        "network_mac": "a keyed hash",
        "subject_mac": "a keyed hash",
        "previous": "a keyed hash of other rows",
        "hash": "a keyed hash of the row",
    },
}
# What each of the others holds; of no account.
OF_NOBODY = {
    AuditChain: "the head of a chain, hashes alone",
    "accounts.Invite": "an invite's hash, which does not say who used it",
    "accounts.ErasedUsername": "of accounts that are gone",
    "accounts.Operator": "who administers the server; nobody's account",
    "accounts.OperatorSession": "an operator's",
    "devices.ErasedDeviceKey": "of accounts that are gone",
    "devices.TokenKey": "the server's own",
    "vault.DataKey": "the server's own",
    "hvx.Installation": "the server's own",
    "activitypub.Deleted": "addresses of what is no more",
    "activitypub.Errand": "when the server looks at a poll or an actor again; both are in it",
    "activitypub.Host": "the server's own, of another server",
    "activitypub.HostPolicy": "the server's own, of another server",
    "activitypub.Received": "what others have sent, for as long as it is worked through",
    "activitypub.Wanted": "addresses of posts of other servers, until they are fetched",
}
EXPORTED: dict[type[models.Model], set[str]] = {
    Account: set(export.ACCOUNT),
    KeyTransition: set(export.TRANSITION),
    Passkey: set(export.PASSKEY),
    Device: set(export.DEVICE),
    AccessKey: {"device" if name == "device_id" else name for name in export.ACCESS_KEY},
    Challenge: set(export.CHALLENGE),
    IdempotencyRecord: {"status", "answer", "created_at"},
    AuditRow: {*export.EVENT, "details"},
    Actor: set(actor_export.ACTOR),
}
for rows in actor_export.ROWS:
    EXPORTED.setdefault(rows.model, set()).update(rows.fields())
ROOMS = ("audit", "vault", "devices", "accounts", "activitypub", "keyexchange", "hvx")


def our_models() -> list[type[models.Model]]:
    return [
        model
        for room in ROOMS
        for model in apps.get_app_config(room).get_models()
        if not model._meta.proxy  # the rows of another one
    ]


@pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.label)
def test_each_column_of_each_table_is_in_the_export_or_said_to_be_left_out(model: type[models.Model]) -> None:
    if model in OF_NOBODY or model._meta.label in OF_NOBODY:
        linked = [field.name for field in model._meta.concrete_fields if field.related_model is Account]
        assert linked == []
        return
    assert model in EXPORTED, f"{model._meta.label}: is it of an account? Export it, or say that it is not"
    columns = {field.name for field in model._meta.concrete_fields}
    assert EXPORTED[model] | LEFT_OUT[model].keys() == columns
    assert EXPORTED[model] & LEFT_OUT[model].keys() == set()


def ask(handset: Handset, password: str | None = None, **how: Any) -> Any:
    body = {"password": handset.person.password if password is None else password}
    return handset.call("POST", "me/export", body, **how)


def opened(content: bytes) -> dict[str, Any]:
    """The files of an archive; JSON is read."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    return {name: json.loads(text) if name.endswith(".json") else text for name, text in files.items()}


def live_a_little(person: Person) -> Authenticator:
    """Of everything that an account can have, one, and a revoked device."""
    handset = person.handset
    gone = person.certified_handset("telephone that was lost")
    handset.revoke(gone).expect(200)
    authenticator = Authenticator()
    asked = handset.call("POST", "me/passkeys", {"password": person.password}).expect(200).json
    made = authenticator.create(asked["options"], origin=person.wire.origin)
    handset.call("POST", "me/passkeys", {"name": "yellow token", "credential": made}).expect(201)
    bot = {"name": "nightly bot", "scopes": ["files:read"], "password": person.password}
    handset.call("POST", "me/access-keys", bot).expect(201)
    renamed = {"name": "kitchen tablet"}
    keyed = {"Idempotency-Key": "one"}
    handset.call("PATCH", f"devices/{handset.hash}", renamed, headers=keyed).expect(200)
    new = make_key(person.username)
    challenge = handset.ask_challenge("key").expect(200).json["challenge"]
    transition = person.transition(new, challenge)
    certificate = {"device": handset.hash, "certificate": handset.certificate(key=new)}
    body = {
        "password": person.password,
        "public_key": new.public,
        "challenge": challenge,
        "transition": transition,
        "devices": [certificate],
    }
    handset.call("POST", "me/key", body).expect(200)
    person.key = new
    handset.ask_challenge("revoke", device=handset.hash).expect(200)
    return authenticator


# --- Refused -----------------------------------------------------------------------------------------


def test_without_the_password_nothing_is_exported(person: Person) -> None:
    assert ask(person.handset, "not the password").refusal == (403, "password_wrong")
    assert person.handset.call("POST", "me/export", {}).refusal == (422, "invalid_fields")
    assert ask(person.handset, proof=False).refusal == (401, "invalid_dpop_proof")
    assert Event.EXPORTED not in {row.event for row in rows_of(person)}


def test_what_cannot_be_written_down_is_not_exported(monkeypatch: pytest.MonkeyPatch, person: Person) -> None:
    def fail(*args: object, **how: object) -> None:
        raise AuditUnavailable

    monkeypatch.setattr("accounts.services.export.record", fail)
    assert ask(person.handset).refusal == (503, "audit_unavailable")


# --- What is in it -----------------------------------------------------------------------------------


def test_the_export_is_an_archive_with_a_readme(person: Person) -> None:
    answer = ask(person.handset).expect(200)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="{person.account.replace(":", "_")}.zip"'
    )
    files = opened(answer.body)
    assert files.keys() == {
        "README.txt", "account.json", "key-transitions.json", "devices.json", "passkeys.json",
        "access-keys.json", "challenges.json", "remembered-answers.json", "security-log.json",
        "actor.json", *(f"{rows.name}.json" for rows in actor_export.ROWS),
    }  # fmt: skip
    for name in files.keys() - {"README.txt"}:
        assert f"\n{name}\n    " in files["README.txt"]
    for what in export.LEFT_OUT:
        assert f"- {what}: " in files["README.txt"]
    assert person.account in files["README.txt"]


def test_everything_that_an_account_has_is_in_it(person: Person) -> None:
    authenticator = live_a_little(person)
    files = opened(ask(person.handset).expect(200).body)
    account = files["account.json"]
    assert account["account"] == person.account
    assert account["email"] == person.email
    assert account["public_key"] == Account.objects.get(pk=person.id).public_key
    assert account["user_handle"] == b64url(authenticator.user_handle)
    assert {row["name"]: (row["kind"], row["state"]) for row in files["devices.json"]} == {
        "kitchen tablet": ("device", "active"),
        "telephone that was lost": ("device", "ended"),
        "nightly bot": ("access_key", "active"),
    }
    assert person.handset.hash in {row["device"] for row in files["devices.json"]}
    [passkey] = files["passkeys.json"]
    assert (passkey["name"], passkey["credential_id"]) == (
        "yellow token",
        b64url(authenticator.credential_id),
    )
    [access_key] = files["access-keys.json"]
    assert access_key["device_id"] in {row["id"] for row in files["devices.json"]}
    [transition] = files["key-transitions.json"]
    assert transition["new_key"] == person.key.fingerprint
    [challenge] = files["challenges.json"]
    assert challenge["device"] == person.handset.hash
    [remembered] = files["remembered-answers.json"]
    assert remembered["answer"]["name"] == "kitchen tablet"
    events = [row["event"] for row in files["security-log.json"]]
    assert events == [row.event for row in rows_of(person)]
    assert "registered" in events
    assert events[-1] == "exported"


def test_no_column_that_is_exported_is_empty_in_the_file_but_full_in_the_row(person: Person) -> None:
    live_a_little(person)
    files = opened(ask(person.handset).expect(200).body)
    for row in Device.objects.filter(account_id=person.id):
        [told] = [one for one in files["devices.json"] if one["device"] == row.hash]
        for field, member in export.DEVICE.items():
            assert bool(told[member]) == bool(getattr(row, field)), field


def test_nothing_that_is_left_out_is_in_it(person: Person) -> None:
    live_a_little(person)
    body = ask(person.handset).expect(200).body
    text = json.dumps(opened(body))
    account = Account.objects.get(pk=person.id)
    assert account.password not in text
    for secret in (AccessKey.objects.get().digest, account.email_index):
        assert b64url(bytes(secret)) not in text
        assert bytes(secret).hex() not in text


def test_nothing_of_anybody_elses_is_in_it(person: Person) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    live_a_little(stranger)
    text = json.dumps(opened(ask(person.handset).expect(200).body))
    for foreign in (stranger.username, stranger.email, stranger.id, stranger.handset.hash, "nightly bot"):
        assert foreign not in text


def test_a_room_above_adds_its_part(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def part(account_id: str) -> list[Part]:
        return [Part("letters", "What was written.", [{"of": account_id, "bytes": b"\x00\x01"}])]

    monkeypatch.setattr(export_parts, "_functions", [])
    export_parts.connect(part)
    export_parts.connect(part)
    files = opened(ask(person.handset).expect(200).body)
    assert files["letters.json"] == [{"of": person.id, "bytes": "AAE"}]
    assert "What was written." in files["README.txt"]


@pytest.mark.django_db(transaction=True)
def test_no_part_is_older_than_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that is added while the archive is written is in none of its files."""
    person = Person(DjangoWire())
    person.register().expect(201)
    late = person.new_handset("late")
    late.nonce = person.handset.nonce
    adding: list[threading.Thread] = []

    def add() -> None:
        try:
            late.log_in().expect(200)
        finally:
            connections.close_all()

    def in_between(account_id: str) -> list[Part]:
        assert Account.objects.filter(pk=account_id).exists()
        thread = threading.Thread(target=add)
        thread.start()
        adding.append(thread)
        thread.join()  # nobody who writes waits for the snapshot's end
        rows = Device.objects.filter(account_id=account_id).values("name")
        return [Part("late", "Read last.", list(rows))]

    monkeypatch.setattr(export_parts, "_functions", [in_between])
    files = opened(ask(person.handset).expect(200).body)
    adding[0].join()
    assert [row["name"] for row in files["late.json"]] == ["first"]
    assert Device.objects.filter(name="late").exists()

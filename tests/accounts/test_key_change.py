"""`POST me/key`: a new account key, vouched for by the old (PROTOCOL §3)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pysequoia
import pytest
from django.utils import timezone

from accounts import passwords
from accounts.models import Account, KeyTransition
from devices import ports
from devices.models import Challenge, Device
from tests.openpgp import CERTIFY, OpenPGPKey, make_key, signature_block
from tests.people import Answer, Handset, Person, from_b64url


def change(
    person: Person,
    new: OpenPGPKey,
    *,
    certified: tuple[Handset, ...] = (),
    **overrides: Any,
) -> dict[str, Any]:
    """A good body, but for the overrides, which certifies these devices anew."""
    challenge = person.handset.ask_challenge("key").expect(200).json["challenge"]
    return {
        "password": person.password,
        "public_key": new.public,
        "challenge": challenge,
        "transition": person.transition(new, challenge),
        "devices": [
            {"device": handset.hash, "certificate": handset.certificate(key=new)} for handset in certified
        ],
    } | overrides


def send(person: Person, body: dict[str, Any]) -> Answer:
    return person.handset.call("POST", "me/key", body)


def key_is_unchanged(person: Person) -> bool:
    account = Account.objects.get(pk=person.id)
    return account.fingerprint == person.key.fingerprint and not KeyTransition.objects.exists()


def text_of(person: Person, new: OpenPGPKey, challenge: str, **changes: str) -> str:
    lines = {
        "origin": person.wire.origin,
        "account": person.account,
        "key": person.key.fingerprint,
        "new-key": new.fingerprint,
        "challenge": challenge,
    } | changes
    heading = lines.pop("heading", "hvx-key-transition/1")
    return "\n".join([heading, *(f"{name}: {value}" for name, value in lines.items())])


def signed_by_both(person: Person, new: OpenPGPKey, text: str) -> str:
    return signature_block(person.key.sign_packet(text), new.sign_packet(text))


NEW = make_key("somebody, anew")

Maker = Callable[[Person, str], str]
WRONG: dict[str, Maker] = {
    "signed by the old key alone": lambda person, challenge: person.transition(NEW, challenge, person.key),
    "signed by the new key alone": lambda person, challenge: person.transition(NEW, challenge, NEW),
    "signed by the old key twice": lambda person, challenge: person.transition(
        NEW, challenge, person.key, person.key
    ),
    "signed by the new key twice": lambda person, challenge: person.transition(NEW, challenge, NEW, NEW),
    "signed by a third key": lambda person, challenge: person.transition(NEW, challenge, make_key(), NEW),
    "signed by three keys": lambda person, challenge: person.transition(
        NEW, challenge, person.key, NEW, make_key()
    ),
    "with another new fingerprint": lambda person, challenge: signed_by_both(
        person, NEW, text_of(person, NEW, challenge, **{"new-key": make_key().fingerprint})
    ),
    "with another old fingerprint": lambda person, challenge: signed_by_both(
        person, NEW, text_of(person, NEW, challenge, key=NEW.fingerprint)
    ),
    "for another account": lambda person, challenge: signed_by_both(
        person, NEW, text_of(person, NEW, challenge, account="x@localhost:8000")
    ),
    "for another origin": lambda person, challenge: signed_by_both(
        person, NEW, text_of(person, NEW, challenge, origin="https://example.net")
    ),
    "with another challenge": lambda person, challenge: signed_by_both(
        person, NEW, text_of(person, NEW, person.handset.challenge)
    ),
    "under another heading": lambda person, challenge: signed_by_both(
        person, NEW, text_of(person, NEW, challenge, heading="hvx-password-reset/1")
    ),
    "with two texts": lambda person, challenge: signature_block(
        person.key.sign_packet(text_of(person, NEW, challenge)), NEW.sign_packet("another text")
    ),
    "eleven minutes old": lambda person, challenge: signature_block(
        person.key.sign_packet(
            text_of(person, NEW, challenge), created=int(timezone.now().timestamp()) - 660
        ),
        NEW.sign_packet(text_of(person, NEW, challenge)),
    ),
    "that is junk": lambda person, challenge: "junk",
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_transition_is_refused(person: Person, fault: str) -> None:
    body = change(person, NEW)
    wrong = body | {"transition": WRONG[fault](person, body["challenge"])}
    assert send(person, wrong).refusal == (422, "transition_invalid")
    assert key_is_unchanged(person)
    assert Challenge.objects.count() == 1


def test_a_wrong_password_is_refused(person: Person) -> None:
    assert send(person, change(person, NEW, password="wrong")).refusal == (403, "password_wrong")
    assert key_is_unchanged(person)


def test_the_key_stays_where_the_password_changes_once_it_is_confirmed(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm = passwords.confirm

    def confirm_and_change(*args: Any) -> None:
        confirm(*args)
        Account.objects.update(password="another hash")

    monkeypatch.setattr(passwords, "confirm", confirm_and_change)
    assert send(person, change(person, NEW)).refusal == (403, "password_wrong")
    assert key_is_unchanged(person)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: NEW.secret, "public_key_secret"),
        (lambda: make_key(flags=CERTIFY).public, "public_key_cannot_sign"),
        (lambda: make_key(subkeys=[]).public, "public_key_cannot_encrypt"),
        (lambda: "junk", "public_key_unreadable"),
    ],
)
def test_a_new_key_is_refused_by_the_same_policy(person: Person, make: Callable[[], str], code: str) -> None:
    assert send(person, change(person, NEW, public_key=make())).refusal == (422, code)
    assert key_is_unchanged(person)


def test_the_same_key_is_no_new_one(person: Person) -> None:
    body = change(person, NEW, public_key=person.key.public)
    assert send(person, body).refusal == (409, "key_unchanged")


def test_a_challenge_for_another_purpose_or_device_is_refused(person: Person) -> None:
    phone = person.certified_handset()
    revoke = person.handset.ask_challenge("revoke", device=phone.hash).json["challenge"]
    of_phone = phone.ask_challenge("key").json["challenge"]
    for challenge in (revoke, of_phone, person.handset.challenge):
        body = change(person, NEW, challenge=challenge, transition=person.transition(NEW, challenge))
        assert send(person, body).refusal == (422, "challenge_invalid")
    assert key_is_unchanged(person)


def test_an_expired_challenge_is_refused(person: Person) -> None:
    body = change(person, NEW)
    Challenge.objects.update(expires_at=timezone.now())
    assert send(person, body).refusal == (422, "challenge_invalid")
    assert key_is_unchanged(person)


def test_a_transition_serves_once(person: Person) -> None:
    body = change(person, NEW, certified=(person.handset,))
    send(person, body).expect(200)
    assert send(person, body).refusal == (409, "key_unchanged")
    old, person.key = person.key, NEW
    send(person, change(person, old, certified=(person.handset,))).expect(200)
    # The account has its first key again, so that the first transition would fit once more.
    assert send(person, body).refusal == (422, "challenge_invalid")
    assert Account.objects.get().fingerprint == old.fingerprint


@pytest.mark.parametrize(
    "make",
    [
        lambda handset: handset.certificate(),
        lambda handset: make_key().sign("x"),
        lambda handset: handset.certificate(key=make_key()),
        lambda handset: "junk",
    ],
    ids=["by the old key", "over another text", "by a third key", "junk"],
)
def test_a_device_certified_otherwise_than_by_the_new_key_spoils_the_whole(
    person: Person, make: Callable[[Handset], str]
) -> None:
    listed = [{"device": person.handset.hash, "certificate": make(person.handset)}]
    body = change(person, NEW, devices=listed)
    assert send(person, body).refusal == (422, "certificate_invalid")
    assert key_is_unchanged(person)


def test_another_accounts_device_cannot_be_certified(person: Person) -> None:
    stranger = Person(person.wire)
    stranger.register().expect(201)
    listed = [{"device": stranger.handset.hash, "certificate": stranger.handset.certificate(key=NEW)}]
    assert send(person, change(person, NEW, devices=listed)).refusal == (404, "unknown_device")
    assert key_is_unchanged(person)


def test_devices_that_are_certified_anew_stay_and_the_others_become_pending(person: Person) -> None:
    kept, dropped = person.certified_handset("kept"), person.certified_handset("dropped")
    told = send(person, change(person, NEW, certified=(person.handset, kept))).expect(200).json
    assert told == {"fingerprint": NEW.fingerprint, "pending": [dropped.hash]}
    for handset in (person.handset, kept):
        handset.call("GET", "me").expect(200)
    assert dropped.call("GET", "me").refusal == (403, "device_pending")
    assert dropped.refresh().json["state"] == "pending"


def test_an_older_certificate_activates_nothing_any_more(person: Person) -> None:
    dropped, pending = person.certified_handset("dropped"), person.new_handset("pending")
    pending.log_in().expect(200)
    older = {handset: handset.certificate() for handset in (dropped, pending)}
    send(person, change(person, NEW, certified=(person.handset,))).expect(200)
    for handset, certificate in older.items():
        assert handset.activate(certificate).refusal == (422, "certificate_invalid")
        handset.activate(handset.certificate(key=NEW)).expect(200)
        handset.call("GET", "me").expect(200)


def test_a_dropped_device_has_an_hour_to_be_certified_by_the_new_key(person: Person) -> None:
    dropped = person.certified_handset()
    send(person, change(person, NEW, certified=(person.handset,))).expect(200)
    row = Device.objects.get(hash=dropped.hash)
    assert row.challenge_expires_at is not None
    assert row.challenge_expires_at - timezone.now() <= timedelta(hours=1)
    Device.objects.filter(pk=row.pk).update(challenge_expires_at=timezone.now())
    assert dropped.activate(dropped.certificate(key=NEW)).refusal == (422, "challenge_invalid")
    dropped.log_in().expect(200)
    dropped.activate(dropped.certificate(key=NEW)).expect(200)


def test_a_dropped_device_stays_published_and_is_not_in_force(person: Person) -> None:
    dropped = person.certified_handset()
    certificate = public_row(person, dropped)["certificate"]
    send(person, change(person, NEW, certified=(person.handset,))).expect(200)
    shown = public_row(person, dropped)
    assert (shown["certificate"], shown["ended"]) == (certificate, "key_replaced")
    person.key = NEW
    person.handset.revoke(dropped).expect(200)
    shown = public_row(person, dropped)
    assert (shown["certificate"], shown["ended"]) == (certificate, "revoked")
    assert shown["revocation"] is not None


def test_a_pending_device_is_not_certified_by_a_change_of_the_key(person: Person) -> None:
    pending = person.new_handset()
    pending.log_in().expect(200)
    body = change(person, NEW, certified=(person.handset, pending))
    assert send(person, body).refusal == (422, "certificate_invalid")
    assert key_is_unchanged(person)


def public_row(person: Person, handset: Handset) -> dict[str, Any]:
    rows = person.handset.call("GET", f"accounts/{person.username}/devices").expect(200).json["results"]
    [row] = [row for row in rows if row["device"] == handset.hash]
    return dict(row)


def test_a_dropped_devices_exchanges_end(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(ports.device_ended, "_functions", [lambda device, account: told.append(device)])
    dropped = person.certified_handset()
    send(person, change(person, NEW, certified=(person.handset,))).expect(200)
    assert told == [dropped.hash]


def test_the_device_that_asks_may_drop_itself(person: Person) -> None:
    told = send(person, change(person, NEW)).expect(200).json
    assert told["pending"] == [person.handset.hash]
    assert person.handset.call("GET", "me").refusal == (403, "device_pending")


def test_everybody_sees_how_the_key_changed_and_can_check_it(person: Person) -> None:
    old = person.key
    body = change(person, NEW, certified=(person.handset,))
    send(person, body).expect(200)
    shown = person.handset.call("GET", f"accounts/{person.username}").expect(200).json
    assert shown["fingerprint"] == NEW.fingerprint
    [transition] = shown["transitions"]
    assert (transition["key"], transition["new_key"]) == (old.fingerprint, NEW.fingerprint)
    assert from_b64url(transition["challenge"]) == from_b64url(body["challenge"])
    text = text_of(person, NEW, transition["challenge"]).encode()
    for armored in (transition["public_key"], shown["public_key"]):
        cert = pysequoia.Cert.from_bytes(armored.encode())
        signatures = [
            pysequoia.Sig.from_bytes(bytes(packet))
            for packet in pysequoia.packet.PacketPile.from_bytes(transition["transition"].encode())
        ]
        [mine] = [each for each in signatures if each.issuer_fingerprint == cert.fingerprint]
        assert pysequoia.verify(text, store=lambda ids, cert=cert: [cert], signature=mine).valid_sigs


def test_a_revocation_after_the_change_is_signed_by_the_new_key(person: Person) -> None:
    phone = person.certified_handset()
    send(person, change(person, NEW, certified=(person.handset, phone))).expect(200)
    assert person.handset.revoke(phone).refusal == (422, "revocation_invalid")
    person.key = NEW
    person.handset.revoke(phone).expect(200)


def test_two_changes_at_once_leave_one_key(person: Person) -> None:
    """The second was signed over a key that is no longer the account's."""
    first, second = make_key(), make_key()
    one = change(person, first, certified=(person.handset,))
    two = change(person, second, certified=(person.handset,))
    send(person, one).expect(200)
    assert send(person, two).refusal == (422, "transition_invalid")
    assert Account.objects.get().fingerprint == first.fingerprint

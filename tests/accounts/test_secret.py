"""`me/secret`: one OpenPGP message to the account key, and nothing that the server could read."""

from base64 import b64encode
from collections.abc import Callable

import pysequoia
import pytest
from pysequoia.packet import PacketPile

from accounts.models import Account
from accounts.openpgp import AccountKey, is_encrypted_message
from tests.openpgp import LITERAL, OpenPGPKey, armored, make_key, packet
from tests.people import Person

SECRET = b"thirty-two bytes of the account."
REFUSED = (422, "secret_invalid")


def sealed_to(*keys: OpenPGPKey, password: str = "", armor: bool = True) -> bytes:
    certs = [pysequoia.Cert.from_bytes(key.public.encode()) for key in keys]
    return pysequoia.encrypt(SECRET, certs, passwords=[password] if password else [], armor=armor)


def literal() -> str:
    return armored(packet(LITERAL, b"b\x00\x00\x00\x00\x00" + SECRET), "MESSAGE")


def signed(key: OpenPGPKey) -> str:
    signer = pysequoia.Tsk.from_bytes(key.secret.encode()).signer()
    return pysequoia.sign(signer, SECRET, mode=pysequoia.SignatureMode.INLINE).decode()


def first_packet(message: bytes) -> bytes:
    return bytes(next(iter(PacketPile.from_bytes(message))))


WRONG: dict[str, Callable[[Person], str]] = {
    "plaintext": lambda person: SECRET.decode(),
    "a word": lambda person: "x",
    "a literal packet": lambda person: literal(),
    "a signed message": lambda person: signed(person.key),
    "a detached signature": lambda person: person.key.sign(SECRET),
    "a public key": lambda person: person.key.public,
    "the private key": lambda person: person.key.secret,
    "a message under a password alone": lambda person: sealed_to(password="a word").decode(),
    "a message under a password too": lambda person: sealed_to(person.key, password="a word").decode(),
    "a message to another key": lambda person: sealed_to(make_key()).decode(),
    "a message without its armor": lambda person: b64encode(sealed_to(person.key, armor=False)).decode(),
    "half a message": lambda person: armored(sealed_to(person.key, armor=False)[:80], "MESSAGE"),
    "a session key without a message": lambda person: armored(first_packet(sealed_to(person.key)), "MESSAGE"),
    "two messages": lambda person: armored(sealed_to(person.key, armor=False) * 2, "MESSAGE"),
    "a message and plaintext": lambda person: armored(
        sealed_to(person.key, armor=False) + packet(LITERAL, b"b\x00\x00\x00\x00\x00" + SECRET), "MESSAGE"
    ),
    "more than 16 KiB": lambda person: pysequoia.encrypt(
        bytes(16 * 1024), [pysequoia.Cert.from_bytes(person.key.public.encode())]
    ).decode(),
}


@pytest.mark.parametrize("fault", WRONG)
def test_the_secret_is_refused_as(person: Person, fault: str) -> None:
    answer = person.handset.call("PUT", "me/secret", {"message": WRONG[fault](person)})
    assert answer.refusal == REFUSED
    assert Account.objects.get().secret == ""


def test_before_it_is_stored_there_is_none(person: Person) -> None:
    assert person.handset.call("GET", "me/secret").refusal == (404, "secret_missing")


def test_it_comes_back_on_every_device_of_the_account_and_opens_with_the_account_key(person: Person) -> None:
    message = sealed_to(person.key).decode()
    person.handset.call("PUT", "me/secret", {"message": message}).expect(204)
    got = person.certified_handset().call("GET", "me/secret").expect(200).json["message"]
    decryptor = pysequoia.Tsk.from_bytes(person.key.secret.encode()).decryptor()
    assert pysequoia.decrypt(got.encode(), decryptor=decryptor).bytes == SECRET


def test_a_later_one_takes_its_place(person: Person) -> None:
    for _ in range(2):
        message = sealed_to(person.key).decode()
        person.handset.call("PUT", "me/secret", {"message": message}).expect(204)
        assert person.handset.call("GET", "me/secret").json["message"] == message.strip()


def test_a_session_key_of_either_version_names_its_recipient() -> None:
    """Version 3 (RFC 4880), and version 6 (RFC 9580), which Sequoia writes to whoever can read it."""
    plain, newer = make_key(), pysequoia.Tsk.generate("somebody").extract_certificate()
    certs = {3: pysequoia.Cert.from_bytes(plain.public.encode()), 6: newer}
    other = AccountKey(armored=make_key().public, fingerprint="")
    for version, cert in certs.items():
        message = pysequoia.encrypt(SECRET, [cert])
        assert next(iter(PacketPile.from_bytes(message))).body[0] == version
        own = AccountKey(armored=str(cert), fingerprint=cert.fingerprint.upper())
        assert is_encrypted_message(message.decode(), to=own, most=4096)
        assert not is_encrypted_message(message.decode(), to=other, most=4096)


def test_it_may_be_encrypted_to_another_key_as_well(person: Person) -> None:
    message = sealed_to(make_key(), person.key).decode()
    person.handset.call("PUT", "me/secret", {"message": message}).expect(204)


def test_nobody_else_gets_it(person: Person) -> None:
    message = sealed_to(person.key).decode()
    person.handset.call("PUT", "me/secret", {"message": message}).expect(204)
    stranger = Person(person.wire)
    stranger.register().expect(201)
    assert stranger.handset.call("GET", "me/secret").refusal == (404, "secret_missing")
    public = person.handset.call("GET", f"accounts/{person.username}").expect(200)
    assert "secret" not in public.json
    assert "secret" not in person.handset.call("GET", "me").json

"""Which OpenPGP public keys are taken (PROTOCOL §2): each refusal has a code of its own."""

import time
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime

import pysequoia
import pytest
from pysequoia import CipherSuite, Profile

from accounts import errors
from accounts.openpgp import MAX_KEY_BYTES, AccountKey, read_public_key
from tests.openpgp import (
    CERTIFY,
    DIRECT_KEY,
    ENCRYPT,
    LITERAL,
    MARKER,
    PUBLIC_KEY,
    PUBLIC_SUBKEY,
    SHA1,
    SIGN,
    OpenPGPKey,
    Part,
    armored,
    cv25519_part,
    dsa_part,
    ed25519_part,
    make_key,
    p256_part,
    packet,
    rsa_part,
    signature,
    subpacket,
)

NOW = int(time.time())
MADE = NOW - 86400


def read(text: str, at: int = NOW) -> AccountKey:
    return read_public_key(text, now=datetime.fromtimestamp(at, UTC))


def public(packets: bytes) -> str:
    return armored(packets, "PUBLIC KEY BLOCK")


def generated(suite: CipherSuite, profile: Profile = Profile.RFC4880) -> str:
    return str(pysequoia.Tsk.generate("somebody", cipher_suite=suite, profile=profile).extract_certificate())


def _two_certificates() -> str:
    return public(make_key().public_packets + make_key().public_packets)


def _two_blocks() -> str:
    return make_key().public + make_key().public


def _with_subkey_of(part: Callable[[int], Part], flags: int) -> str:
    key = make_key(created=MADE)
    return key.with_subkey(part(MADE), flags=flags).public


def _large() -> str:
    key = make_key(created=MADE)
    for number in range(700):
        key = key.with_user_id(f"{number:040d}")
    return key.public


def _of_version(version: int) -> str:
    part = ed25519_part(MADE)
    return public(packet(PUBLIC_KEY, bytes([version]) + part.body[1:]))


def _secret_in_a_public_block() -> str:
    return make_key().secret.replace("PRIVATE KEY", "PUBLIC KEY")


def _secret_subkey_alone() -> str:
    key = make_key(created=MADE)
    secret = cv25519_part(MADE)
    return public(key.public_packets + packet(7, secret.secret_body))


def _self_signed_by(algorithm: int) -> str:
    """A key whose only self-signature on its name is of a broken hash."""
    key = make_key(created=MADE)
    bare = key.__class__(key.primary).with_user_id("somebody", algorithm=algorithm)
    return bare.with_subkey(cv25519_part(MADE), flags=ENCRYPT).public


def _bound_by_another() -> str:
    """The subkey of another key, with the binding that the other gave it."""
    key, other = make_key(created=MADE), make_key(created=MADE)
    return key.__class__(key.primary, key.user_ids, other.subkeys).public


def _future() -> str:
    return make_key(created=NOW + 86400).public


REFUSED: dict[str, tuple[type[errors.PublicKeyRefused], Callable[[], str]]] = {
    "nothing": (errors.PublicKeyUnreadable, lambda: ""),
    "junk": (errors.PublicKeyUnreadable, lambda: "junk " * 100),
    "armor around junk": (errors.PublicKeyUnreadable, lambda: public(b"junk " * 100)),
    "armor around nothing": (errors.PublicKeyUnreadable, lambda: public(b"")),
    "armor that is cut": (errors.PublicKeyUnreadable, lambda: make_key().public[:200]),
    "bytes without armor": (errors.PublicKeyUnreadable, lambda: make_key().public_packets.decode("latin-1")),
    "base64 without armor": (
        errors.PublicKeyUnreadable,
        lambda: b64encode(make_key().public_packets).decode(),
    ),
    "letters beyond ASCII": (errors.PublicKeyUnreadable, lambda: "ü" + make_key().public),
    "a NUL": (errors.PublicKeyUnreadable, lambda: make_key().public + "\x00"),
    "a signature": (errors.PublicKeyUnreadable, lambda: make_key().sign("x")),
    "a message": (
        errors.PublicKeyUnreadable,
        lambda: armored(packet(LITERAL, b"b\x00\x00\x00\x00\x00hi"), "MESSAGE"),
    ),
    "a key behind a marker": (
        errors.PublicKeyUnreadable,
        lambda: public(packet(MARKER, b"PGP") + make_key().public_packets),
    ),
    "a subkey first": (
        errors.PublicKeyUnreadable,
        lambda: public(packet(PUBLIC_SUBKEY, cv25519_part(MADE).body)),
    ),
    "a private key": (errors.PublicKeySecret, lambda: make_key().secret),
    "a private key in a public block": (errors.PublicKeySecret, _secret_in_a_public_block),
    "a private subkey behind a public key": (errors.PublicKeySecret, _secret_subkey_alone),
    "a private key that sequoia made": (
        errors.PublicKeySecret,
        lambda: str(pysequoia.Tsk.generate("somebody")),
    ),
    "two certificates": (errors.PublicKeyNotSingle, _two_certificates),
    "a key of version 6": (
        errors.PublicKeyVersion,
        lambda: generated(CipherSuite.Cv25519, Profile.RFC9580),
    ),
    "a key of version 3": (errors.PublicKeyVersion, lambda: _of_version(3)),
    "a key of version 5": (errors.PublicKeyVersion, lambda: _of_version(5)),
    "RSA of 2048 bits": (
        errors.PublicKeyAlgorithm,
        lambda: make_key(created=MADE, primary=rsa_part(MADE, 2048)).public,
    ),
    "RSA of 3071 bits": (
        errors.PublicKeyAlgorithm,
        lambda: make_key(created=MADE, primary=rsa_part(MADE, 3071)).public,
    ),
    "an RSA subkey of 2048 bits": (
        errors.PublicKeyAlgorithm,
        lambda: _with_subkey_of(lambda at: rsa_part(at, 2048), ENCRYPT),
    ),
    "DSA": (errors.PublicKeyAlgorithm, lambda: make_key(created=MADE, primary=dsa_part(MADE)).public),
    "NIST P-256": (
        errors.PublicKeyAlgorithm,
        lambda: make_key(created=MADE, primary=p256_part(MADE)).public,
    ),
    "a subkey of NIST P-256": (errors.PublicKeyAlgorithm, lambda: _with_subkey_of(p256_part, SIGN)),
    "NIST P-384 that sequoia made": (errors.PublicKeyAlgorithm, lambda: generated(CipherSuite.P384)),
    "Ed448": (errors.PublicKeyVersion, lambda: generated(CipherSuite.Cv448, Profile.RFC9580)),
    "a key that has expired": (
        errors.PublicKeyExpired,
        lambda: make_key(created=MADE, expires_after=3600).public,
    ),
    "a key that has been revoked": (
        errors.PublicKeyRevoked,
        lambda: make_key(created=MADE).revoked(MADE + 60).public,
    ),
    "a primary key that only certifies": (
        errors.PublicKeyCannotSign,
        lambda: make_key(created=MADE, flags=CERTIFY).public,
    ),
    "a primary key that leaves signing to a subkey": (
        errors.PublicKeyCannotSign,
        lambda: generated(CipherSuite.Cv25519),
    ),
    "no subkey": (errors.PublicKeyCannotEncrypt, lambda: make_key(created=MADE, subkeys=[]).public),
    "a signing subkey alone": (
        errors.PublicKeyCannotEncrypt,
        lambda: make_key(created=MADE, subkeys=[(ed25519_part(MADE), SIGN)]).public,
    ),
    "an encryption subkey that has been revoked": (
        errors.PublicKeyCannotEncrypt,
        lambda: make_key(created=MADE).with_subkey_revoked(MADE + 60).public,
    ),
    "an encryption subkey that has expired": (
        errors.PublicKeyCannotEncrypt,
        lambda: (
            make_key(created=MADE, subkeys=[])
            .with_subkey(cv25519_part(MADE), flags=ENCRYPT, expires_after=60)
            .public
        ),
    ),
    "an encryption subkey that is another's": (errors.PublicKeyCannotEncrypt, _bound_by_another),
    "more than 64 KiB": (errors.PublicKeyTooLarge, _large),
    "64 KiB and a letter": (errors.PublicKeyTooLarge, lambda: "a" * (MAX_KEY_BYTES + 1)),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_key_is_refused_as(fault: str) -> None:
    expected, make = REFUSED[fault]
    text = make()
    with pytest.raises(errors.PublicKeyRefused) as refused:
        read(text)
    assert type(refused.value) is expected
    # A refusal may be logged: it must quote nothing of what was sent.
    assert refused.value.detail == ""


@pytest.mark.parametrize(
    "make",
    [_two_blocks, lambda: _self_signed_by(SHA1), _future],
    ids=["two armored blocks", "a self-signature by SHA-1", "made in the future"],
)
def test_a_key_is_refused_in_one_way_or_another_that_has(make: Callable[[], str]) -> None:
    text = make()
    with pytest.raises(errors.PublicKeyRefused):
        read(text)


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [refusal.code for refusal in errors.PublicKeyRefused.__subclasses__()]
    assert len(set(codes)) == len(codes)
    assert {expected for expected, _ in REFUSED.values()} == set(errors.PublicKeyRefused.__subclasses__())


def test_a_key_that_expires_tomorrow_is_taken_and_in_two_days_is_not() -> None:
    text = make_key(created=MADE, expires_after=2 * 86400).public
    assert read(text).fingerprint
    with pytest.raises(errors.PublicKeyExpired):
        read(text, at=NOW + 2 * 86400)


def test_the_newest_self_signature_says_whether_the_key_signs() -> None:
    key = make_key(created=MADE, flags=CERTIFY)
    again = key.with_user_id("somebody", flags=CERTIFY | SIGN, created=MADE + 60)
    assert read(again.public).fingerprint == key.fingerprint


@pytest.mark.parametrize(
    "key",
    [
        make_key(created=MADE),
        make_key(created=MADE).with_user_id("another name"),
        make_key(created=MADE).with_subkey(ed25519_part(MADE), flags=SIGN),
        make_key(created=MADE).with_subkey(rsa_part(MADE, 3072), flags=ENCRYPT),
        make_key(created=MADE, primary=rsa_part(MADE, 3072)),
        make_key(created=MADE, primary=rsa_part(MADE, 4096), subkeys=[(rsa_part(MADE, 3072), ENCRYPT)]),
    ],
    ids=["plain", "two names", "signing subkey", "RSA subkey", "RSA", "RSA alone"],
)
def test_a_key_is_taken_and_known_by_its_fingerprint(key: OpenPGPKey) -> None:
    taken = read(key.public)
    assert taken.fingerprint == key.fingerprint
    assert taken.fingerprint == taken.fingerprint.upper()
    again = read(taken.armored)
    assert again.fingerprint == key.fingerprint
    assert "PRIVATE" not in taken.armored


def test_armor_with_headers_and_other_line_ends_is_taken() -> None:
    key = make_key(created=MADE)
    head, rest = key.public.split("\n", 1)
    for text in (
        f"{head}\nComment: made by hand\n{rest}",
        key.public.replace("\n", "\r\n"),
        f"\n\n{key.public}\n\n",
    ):
        assert read(text).fingerprint == key.fingerprint


def test_what_is_stored_is_the_certificate_alone() -> None:
    """A comment in the armor could say anything; it is not handed on to whoever asks for the key."""
    key = make_key(created=MADE)
    head, rest = key.public.split("\n", 1)
    assert "by hand" not in read(f"{head}\nComment: made by hand\n{rest}").armored


def test_direct_key_flags_count_too() -> None:
    key = make_key(created=MADE, flags=CERTIFY)
    direct = signature(
        key.primary,
        key.primary.framed,
        kind=DIRECT_KEY,
        created=MADE + 60,
        hashed=subpacket(27, bytes([CERTIFY | SIGN])),
    )
    with_direct = key.__class__(key.primary, key.user_ids, key.subkeys, (direct,))
    assert read(with_direct.public).fingerprint == key.fingerprint

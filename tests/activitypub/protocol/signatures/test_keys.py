"""Keys, from the forms in which actors publish them and the vault keeps them."""

from typing import Any

import base58
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from activitypub.protocol.signatures.keys import (
    MAX_KEY_CHARACTERS,
    multibase,
    multibase_decoded,
    multikey,
    private_key_from_vault,
    public_key_from_der,
    public_key_from_multikey,
    public_key_from_pem,
    public_key_pem,
)
from activitypub.protocol.signatures.reasons import Reason, SignatureError
from tests.activitypub.protocol.signatures.people import ed25519_key, p256_key, rsa_key

SPKI = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def refusal_of_pem(pem: str) -> Reason:
    with pytest.raises(SignatureError) as refused:
        public_key_from_pem(pem)
    return refused.value.reason


def refusal_of_multikey(text: str) -> Reason:
    with pytest.raises(SignatureError) as refused:
        public_key_from_multikey(text)
    return refused.value.reason


def private_pem() -> str:
    return rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        ("", Reason.KEY_MALFORMED),
        ("foo", Reason.KEY_MALFORMED),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", Reason.KEY_MALFORMED),
        ("-----BEGIN PUBLIC KEY-----\né\n-----END PUBLIC KEY-----\n", Reason.KEY_MALFORMED),
        ("\ud800", Reason.KEY_MALFORMED),
        ("A" * (MAX_KEY_CHARACTERS + 1), Reason.TOO_LARGE),
    ],
)
def test_a_pem_that_holds_no_public_key_is_refused(pem: str, reason: Reason) -> None:
    assert refusal_of_pem(pem) is reason


def test_a_private_key_is_no_public_one() -> None:
    assert refusal_of_pem(private_pem()) is Reason.KEY_MALFORMED


def test_kinds_of_key_that_sign_nothing_here_are_refused() -> None:
    others: list[Any] = [
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        x25519.X25519PrivateKey.generate().public_key(),
        dsa.DSAPublicNumbers(
            y=4, parameter_numbers=dsa.DSAParameterNumbers(p=2**2047 + 1, q=2**255 + 1, g=2)
        ).public_key(),
    ]
    for key in others:
        assert refusal_of_pem(key.public_bytes(*SPKI).decode()) is Reason.KEY_UNSUPPORTED


def test_an_rsa_key_that_would_cost_much_to_verify_with_is_refused() -> None:
    huge = rsa.RSAPublicNumbers(65537, 2**8192 + 1).public_key()
    slow = rsa.RSAPublicNumbers(2**2000 + 1, 2**2047 + 1).public_key()
    for key in (huge, slow):
        assert refusal_of_pem(key.public_bytes(*SPKI).decode()) is Reason.KEY_UNSUPPORTED


def test_a_pem_is_read_in_both_forms_and_however_its_lines_end() -> None:
    key = rsa_key().public_key()
    spki = public_key_pem(key)
    pkcs1 = key.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
    assert pkcs1.startswith("-----BEGIN RSA PUBLIC KEY-----")
    for pem in (spki, pkcs1, spki.replace("\n", "\r\n"), f"\n {spki.strip()}"):
        assert public_key_from_pem(pem) == key


@pytest.mark.parametrize("key", [rsa_key().public_key(), ed25519_key().public_key(), p256_key().public_key()])
def test_a_key_comes_back_from_its_pem(
    key: RSAPublicKey | Ed25519PublicKey | ec.EllipticCurvePublicKey,
) -> None:
    assert public_key_from_pem(public_key_pem(key)) == key


def test_a_key_that_was_kept_as_der_is_held_to_the_same_bounds() -> None:
    key = rsa_key().public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert public_key_from_der(der) == key
    for raw, reason in (
        (b"", "key_malformed"),
        (der[:-1], "key_malformed"),
        (
            rsa.RSAPublicNumbers(65537, 2**8192 + 1).public_key().public_bytes(Encoding.DER, SPKI[1]),
            "key_unsupported",
        ),
    ):
        with pytest.raises(SignatureError, match=reason):
            public_key_from_der(raw)


def test_a_key_comes_back_from_its_multikey() -> None:
    key = ed25519_key().public_key()
    assert multikey(key).startswith("z6Mk")
    assert public_key_from_multikey(multikey(key)) == key
    body = rsa_key().public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    assert multikey(rsa_key().public_key()) == multibase(b"\x85\x24" + body)
    assert public_key_from_multikey(multibase(b"\x85\x24" + body)) == rsa_key().public_key()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.KEY_MALFORMED),
        ("z", Reason.KEY_UNSUPPORTED),
        ("zzzzz", Reason.KEY_UNSUPPORTED),
        ("m7QGJ", Reason.KEY_MALFORMED),
        ("z0OIl", Reason.KEY_MALFORMED),
        ("z6Mk é", Reason.KEY_MALFORMED),
        ("zé", Reason.KEY_MALFORMED),
        (multibase(b"\xed\x01" + b"x" * 31), Reason.KEY_MALFORMED),
        (multibase(b"\xed\x01" + b"x" * 33), Reason.KEY_MALFORMED),
        (multibase(b"\x85\x24" + b"x" * 31), Reason.KEY_MALFORMED),
        (multibase(b"\x12\x05" + b"x" * 32), Reason.KEY_UNSUPPORTED),
        ("z" + "1" * MAX_KEY_CHARACTERS, Reason.TOO_LARGE),
    ],
)
def test_a_multikey_that_holds_no_public_key_is_refused(text: str, reason: Reason) -> None:
    assert refusal_of_multikey(text) is reason


@pytest.mark.parametrize("blank", [" ", "\n", "\t", "\x00"])
def test_a_multikey_has_no_white_space_around_it(blank: str) -> None:
    good = multikey(ed25519_key().public_key())
    for text in (good + blank, blank + good, f"{good[:5]}{blank}{good[5:]}"):
        assert refusal_of_multikey(text) is Reason.KEY_MALFORMED


def test_a_key_of_one_kind_under_the_name_of_another_is_refused() -> None:
    ed25519_as_rsa = ed25519_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert refusal_of_multikey(multibase(b"\x85\x24" + ed25519_as_rsa)) is Reason.KEY_UNSUPPORTED


def test_bytes_come_back_from_multibase() -> None:
    for raw in (b"", b"\x00\x00a", bytes(range(64))):
        assert multibase_decoded(multibase(raw), Reason.KEY_MALFORMED) == raw
    assert multibase(b"abc") == "z" + base58.b58encode(b"abc").decode()


@pytest.mark.parametrize("key", [rsa_key(), ed25519_key()], ids=["RSA", "Ed25519"])
def test_a_private_key_comes_back_from_what_the_vault_keeps(key: RSAPrivateKey) -> None:
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert private_key_from_vault(der).public_key() == key.public_key()


def test_the_vault_keeps_no_actors_key_of_another_kind() -> None:
    der = p256_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="neither"):
        private_key_from_vault(der)


def test_no_error_quotes_the_key() -> None:
    with pytest.raises(SignatureError) as refused:
        public_key_from_pem(private_pem())
    assert str(refused.value) == "key_malformed"
    assert refused.value.__suppress_context__

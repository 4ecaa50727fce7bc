"""Which OpenPGP signatures hold: detached, version 4, binary, strong, fresh, by the primary key alone."""

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pysequoia
import pytest

from accounts.openpgp import (
    MAX_SIGNATURE_BYTES,
    AccountKey,
    SignatureRefused,
    Signed,
    read_public_key,
    verify,
)
from tests.openpgp import (
    BINARY,
    LITERAL,
    SHA1,
    SHA224,
    SHA256,
    SHA384,
    SHA512,
    SIGN,
    SIGNATURE,
    TEXT,
    Part,
    armored,
    ed25519_part,
    make_key,
    packet,
    rsa_part,
    signature_block,
    subpacket,
)

TEXT_SIGNED = "hvx-device-certificate/1\norigin: https://example.org\nchallenge: abc"
SUBKEY: Part = ed25519_part(int(time.time()) - 3600)
KEY = make_key("alice").with_subkey(SUBKEY, flags=SIGN)
OTHER = make_key("mallory")
RSA_KEY = make_key("rsa", primary=rsa_part(int(time.time()) - 3600, 3072))


def account_key(public: str) -> AccountKey:
    return read_public_key(public, now=datetime.now(UTC))


HELD, HELD_OTHER = account_key(KEY.public), account_key(OTHER.public)


def now() -> int:
    return int(time.time())


def check(
    signatures: str,
    text: str = TEXT_SIGNED,
    keys: tuple[AccountKey, ...] = (HELD,),
    at: int | None = None,
) -> list[Signed]:
    moment = datetime.fromtimestamp(now() if at is None else at, UTC)
    return verify(signatures, text.encode(), keys, now=moment)


def _inline() -> str:
    key = pysequoia.Tsk.from_bytes(KEY.secret.encode())
    return pysequoia.sign(key.signer(), TEXT_SIGNED.encode(), mode=pysequoia.SignatureMode.INLINE).decode()


def _cleartext() -> str:
    key = pysequoia.Tsk.from_bytes(KEY.secret.encode())
    return pysequoia.sign(key.signer(), TEXT_SIGNED.encode(), mode=pysequoia.SignatureMode.CLEAR).decode()


def _of_version(version: int) -> str:
    raw = KEY.sign_packet(TEXT_SIGNED)
    return signature_block(raw[:6] + bytes([version]) + raw[7:])


def _flipped() -> str:
    raw = bytearray(KEY.sign_packet(TEXT_SIGNED))
    raw[-5] ^= 1
    return signature_block(bytes(raw))


def _without_creation_time() -> str:
    """The creation time in the part that is not signed, where anybody could have put it."""
    inner = subpacket(33, b"\x04" + KEY.primary.fingerprint)
    head = bytes([4, BINARY, KEY.primary.algorithm, SHA256]) + len(inner).to_bytes(2, "big") + inner
    digest = hashlib.sha256(TEXT_SIGNED.encode() + head + b"\x04\xff" + len(head).to_bytes(4, "big")).digest()
    outer = subpacket(2, now().to_bytes(4, "big"))
    assert KEY.primary.signs is not None
    made = KEY.primary.signs(digest, SHA256)
    return signature_block(
        packet(SIGNATURE, head + len(outer).to_bytes(2, "big") + outer + digest[:2] + made)
    )


REFUSED: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "junk": lambda: "junk",
    "armor around junk": lambda: armored(b"junk" * 20, "SIGNATURE"),
    "letters beyond ASCII": lambda: "ü" + KEY.sign(TEXT_SIGNED),
    "a NUL": lambda: KEY.sign(TEXT_SIGNED) + "\x00",
    "more than 8 KiB": lambda: KEY.sign(TEXT_SIGNED) + " " * MAX_SIGNATURE_BYTES,
    "a public key": lambda: KEY.public,
    "a signature by a subkey": lambda: KEY.sign(TEXT_SIGNED, by=SUBKEY),
    "a signature by a subkey in the primary key's name": lambda: KEY.sign(
        TEXT_SIGNED, by=SUBKEY, issuer=KEY.primary.fingerprint
    ),
    "a signature by another key": lambda: OTHER.sign(TEXT_SIGNED),
    "a signature by another key in this key's name": lambda: OTHER.sign(
        TEXT_SIGNED, issuer=KEY.primary.fingerprint
    ),
    "a signature over another text": lambda: KEY.sign(TEXT_SIGNED + "."),
    "a signature over the text with a line feed at the end": lambda: KEY.sign(TEXT_SIGNED + "\n"),
    "a signature over the text without its last letter": lambda: KEY.sign(TEXT_SIGNED[:-1]),
    "a signature over the text with CRLF": lambda: KEY.sign(TEXT_SIGNED.replace("\n", "\r\n")),
    "a signature over the text with a space at a line's end": lambda: KEY.sign(
        TEXT_SIGNED.replace("\n", " \n")
    ),
    "a signature of a text document": lambda: KEY.sign(TEXT_SIGNED, kind=TEXT),
    "a standalone signature": lambda: KEY.sign(TEXT_SIGNED, kind=0x02),
    "a certification": lambda: KEY.sign(TEXT_SIGNED, kind=0x13),
    "a signature by SHA-1": lambda: KEY.sign(TEXT_SIGNED, algorithm=SHA1),
    "a signature by SHA-224": lambda: KEY.sign(TEXT_SIGNED, algorithm=SHA224),
    "a signature made eleven minutes ago": lambda: KEY.sign(TEXT_SIGNED, created=now() - 660),
    "a signature to be made in eleven minutes": lambda: KEY.sign(TEXT_SIGNED, created=now() + 660),
    "a signature made at no time": lambda: KEY.sign(TEXT_SIGNED, created=0),
    "a signature whose time is not signed": _without_creation_time,
    "two signatures": lambda: signature_block(
        KEY.sign_packet(TEXT_SIGNED), KEY.sign_packet(TEXT_SIGNED, created=now() - 1)
    ),
    "the same signature twice": lambda: signature_block(*[KEY.sign_packet(TEXT_SIGNED)] * 2),
    "two signatures of two keys": lambda: signature_block(
        KEY.sign_packet(TEXT_SIGNED), OTHER.sign_packet(TEXT_SIGNED)
    ),
    "a signature and a key": lambda: armored(KEY.sign_packet(TEXT_SIGNED) + KEY.public_packets, "SIGNATURE"),
    "a signature and what it signs": lambda: armored(
        KEY.sign_packet(TEXT_SIGNED) + packet(LITERAL, b"b\x00\x00\x00\x00\x00" + TEXT_SIGNED.encode()),
        "SIGNATURE",
    ),
    "an inline signature": _inline,
    "a cleartext signature": _cleartext,
    "version 3": lambda: _of_version(3),
    "version 5": lambda: _of_version(5),
    "version 6": lambda: _of_version(6),
    "a flipped bit": _flipped,
    "armor that is cut": lambda: KEY.sign(TEXT_SIGNED)[:120],
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_refused_is(fault: str) -> None:
    signatures = REFUSED[fault]()
    with pytest.raises(SignatureRefused) as refused:
        check(signatures)
    assert TEXT_SIGNED not in str(refused.value)


def test_a_signature_by_a_key_that_has_been_revoked_since_is_refused() -> None:
    revoked = AccountKey(armored=KEY.revoked(now() - 60).public, fingerprint=KEY.fingerprint)
    with pytest.raises(SignatureRefused):
        check(KEY.sign(TEXT_SIGNED), keys=(revoked,))


def test_a_signature_holds_only_for_the_key_whose_text_the_server_expects() -> None:
    with pytest.raises(SignatureRefused):
        check(KEY.sign(TEXT_SIGNED), keys=(HELD_OTHER,))


@pytest.mark.parametrize("algorithm", [SHA256, SHA384, SHA512])
@pytest.mark.parametrize("age", [-599, 0, 599])
def test_a_strong_signature_made_within_ten_minutes_holds(algorithm: int, age: int) -> None:
    moment = now()
    [signed] = check(KEY.sign(TEXT_SIGNED, algorithm=algorithm, created=moment - age), at=moment)
    assert signed.fingerprint == KEY.fingerprint


def test_a_signature_by_rsa_holds() -> None:
    held = account_key(RSA_KEY.public)
    assert check(RSA_KEY.sign(TEXT_SIGNED), keys=(held,))[0].fingerprint == RSA_KEY.fingerprint


def test_what_is_kept_of_a_signature_is_its_packet_alone_and_verifies_again() -> None:
    head, rest = KEY.sign(TEXT_SIGNED).split("\n", 1)
    [signed] = check(f"{head}\nComment: made by hand\n{rest}")
    assert "by hand" not in signed.armored
    assert check(signed.armored)[0].packet == signed.packet


def test_each_of_two_keys_must_have_signed() -> None:
    one, two = KEY.sign_packet(TEXT_SIGNED), OTHER.sign_packet(TEXT_SIGNED)
    keys = (HELD, HELD_OTHER)
    for packets in ((one,), (two,), (one, one), (two, two), (one, two, one), (one, OTHER.sign_packet("x"))):
        with pytest.raises(SignatureRefused):
            check(signature_block(*packets), keys=keys)
    for packets in ((one, two), (two, one)):
        signed = check(signature_block(*packets), keys=keys)
        assert [each.fingerprint for each in signed] == [KEY.fingerprint, OTHER.fingerprint]

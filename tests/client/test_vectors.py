"""The published vectors: written by our code, and computed here a second way, by hashlib and hmac alone."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from client.protocol.encoding import b64url_decode
from client.protocol.keyexchange import ZERO_POINT, Schedule, commitment, shared_secret
from tests.vectors import make

FOLDER = Path(make.__file__).parent
KEYEXCHANGE: dict[str, Any] = json.loads((FOLDER / "keyexchange.json").read_text())
DEVICES: dict[str, Any] = json.loads((FOLDER / "devices.json").read_text())


def _named(case: dict[str, Any]) -> str:
    return str(case.get("name") or case["account"])


def _lp(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _b64(raw: bytes) -> str:

    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _expand(prk: bytes, info: str, length: int) -> bytes:
    # RFC 5869 §2.3 for at most one block.
    return hmac.digest(prk, info.encode() + b"\x01", "sha256")[:length]


def _unsealed(key: bytes, aad: bytes, sealed: str) -> bytes:
    return AESGCM(key).decrypt(bytes(12), b64url_decode(sealed), aad)


@pytest.mark.parametrize("name", ["keyexchange", "devices"])
def test_the_files_are_what_the_script_writes(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == make.written(getattr(make, name)())


@pytest.mark.parametrize("case", KEYEXCHANGE["cases"], ids=_named)
def test_each_value_of_an_exchange_follows_from_its_inputs(case: dict[str, Any]) -> None:
    given, found = case["inputs"], case["intermediate"]
    raw = {name: bytes.fromhex(value) for name, value in given.items() if _is_hex(name)}
    hashes, keys = {}, {}
    for who in ("new", "existing"):
        keys[who] = Ed25519PrivateKey.from_private_bytes(raw[f"{who}_device_private_key"])
        public = keys[who].public_key().public_bytes_raw()
        ephemeral = X25519PrivateKey.from_private_bytes(raw[f"{who}_ephemeral_private_key"])
        hashes[who] = _b64(
            hashlib.sha256(
                _lp(b"hvx-device/1", given["account"].encode(), public, raw[f"{who}_device_challenge"])
            ).digest()
        )
        assert found[f"{who}_device_key"] == public.hex()
        assert found[f"{who}_device"] == hashes[who]
        assert found[f"{who}_ephemeral_key"] == ephemeral.public_key().public_bytes_raw().hex()
    value = {name: bytes.fromhex(text) for name, text in found.items() if not name.endswith("_device")}
    suites = ",".join(given["suites"]).encode()
    committed = hashlib.sha256(
        _lp(
            b"hvx-kx/1 commit",
            given["exchange"].encode(),
            suites,
            hashes["new"].encode(),
            value["new_device_key"],
            value["new_ephemeral_key"],
            raw["new_nonce"],
        )
    ).digest()
    assert value["commitment"] == committed
    transcript = hashlib.sha256(
        _lp(
            b"hvx-kx/1 transcript",
            given["origin"].encode(),
            given["account"].encode(),
            given["exchange"].encode(),
            suites,
            given["suite"].encode(),
            given["method"].encode(),
            hashes["new"].encode(),
            value["new_device_key"],
            committed,
            hashes["existing"].encode(),
            value["existing_device_key"],
            value["existing_ephemeral_key"],
            raw["existing_nonce"],
            value["new_ephemeral_key"],
            raw["new_nonce"],
        )
    ).digest()
    assert value["transcript"] == transcript
    for own, other in (("new", "existing"), ("existing", "new")):
        private = X25519PrivateKey.from_private_bytes(raw[f"{own}_ephemeral_private_key"])
        public_key = X25519PublicKey.from_public_bytes(value[f"{other}_ephemeral_key"])
        assert private.exchange(public_key) == value["shared"]
    prk = hmac.digest(transcript + raw["qr_secret"], value["shared"], "sha256")
    assert value["prk"] == prk
    assert case["code"] == f"{int.from_bytes(_expand(prk, 'hvx-kx/1 code', 8), 'big') % 10**6:06d}"
    assert case["return_code"] == f"{int.from_bytes(_expand(prk, 'hvx-kx/1 return', 8), 'big') % 10**4:04d}"
    assert value["aad_prove"] == _lp(transcript, b"prove")
    expected = {"prove": value["prove_signature"], "deliver": given["delivery"].encode(), "ack": b""}
    for kind, plaintext in expected.items():
        key = _expand(prk, f"hvx-kx/1 {kind}", 32)
        assert value[f"key_{kind}"] == key
        frame = json.loads(case["frames"][kind])
        assert _unsealed(key, _lp(transcript, kind.encode()), frame["sealed"]) == plaintext
    for who, kind, signature in (
        ("new", "prove", "prove_signature"),
        ("existing", "deliver", "deliver_proof"),
    ):
        signed = _lp(f"hvx-kx/1 {kind}".encode(), transcript)
        keys[who].public_key().verify(value[signature], signed)
    assert json.loads(given["delivery"])["proof"] == _b64(value["deliver_proof"])


def _is_hex(name: str) -> bool:
    return name.endswith(("_key", "_challenge", "_nonce", "_secret"))


@pytest.mark.parametrize("case", KEYEXCHANGE["cases"], ids=_named)
def test_a_qr_code_stands_where_the_method_is_qr(case: dict[str, Any]) -> None:
    assert ("qr" in case) == (case["inputs"]["method"] == "qr")
    if "qr" in case:
        given = case["inputs"]
        raw = b64url_decode(case["qr"].removeprefix("hvx:"))
        assert raw == (
            b"\x01"
            + bytes.fromhex(given["exchange"].replace("-", ""))
            + bytes.fromhex(case["intermediate"]["commitment"])
            + bytes.fromhex(given["qr_secret"])
            + given["origin"].encode()
        )


def _refused(failure: str) -> list[dict[str, Any]]:
    return [case for case in KEYEXCHANGE["refused"] if case["failure"] == failure]


def _whole(case: dict[str, Any]) -> dict[str, Any]:
    return next(whole for whole in KEYEXCHANGE["cases"] if whole["name"] == case["case"])


@pytest.mark.parametrize("case", _refused("zero_point"), ids=_named)
def test_a_point_of_low_order_gives_the_zero_secret(case: dict[str, Any]) -> None:
    own = X25519PrivateKey.from_private_bytes(bytes.fromhex(case["private_key"]))
    assert shared_secret(own, bytes.fromhex(case["public_key"])) == ZERO_POINT


@pytest.mark.parametrize("case", _refused("bad_commitment"), ids=_named)
def test_a_changed_reveal_does_not_open_the_commitment(case: dict[str, Any]) -> None:
    whole, reveal = _whole(case), json.loads(case["frame"])
    opened = commitment(
        whole["inputs"]["exchange"],
        tuple(whole["inputs"]["suites"]),
        whole["intermediate"]["new_device"],
        bytes.fromhex(whole["intermediate"]["new_device_key"]),
        b64url_decode(reveal["ephemeral_key"]),
        b64url_decode(reveal["nonce"]),
    )
    assert opened.hex() != whole["intermediate"]["commitment"]


@pytest.mark.parametrize("case", _refused("does not open"), ids=_named)
def test_a_changed_seal_does_not_open(case: dict[str, Any]) -> None:
    found = _whole(case)["intermediate"]
    schedule = Schedule(bytes.fromhex(found["transcript"]), bytes.fromhex(found["prk"]))
    with pytest.raises(InvalidTag):
        schedule.open(case["kind"], b64url_decode(case["sealed"]))


def test_every_kind_of_failure_has_its_cases() -> None:
    assert {case["failure"] for case in KEYEXCHANGE["refused"]} == {
        "zero_point",
        "bad_commitment",
        "does not open",
    }
    assert any(case["code"].startswith("0") for case in KEYEXCHANGE["cases"])


@pytest.mark.parametrize("case", DEVICES["cases"], ids=_named)
def test_statements_are_the_texts_of_the_protocol(case: dict[str, Any]) -> None:
    key, challenge = bytes.fromhex(case["device_key"]), bytes.fromhex(case["challenge"])
    joined = _lp(b"hvx-device/1", case["account"].encode(), key, challenge)
    assert case["device_hash_input"] == joined.hex()
    assert case["device"] == _b64(hashlib.sha256(joined).digest())
    place = f"origin: {case['origin']}\naccount: {case['account']}\nkey: {case['key']}\n"
    rest = f"device: {case['device']}\ndevice-key: {_b64(key)}\nchallenge: {_b64(challenge)}"
    assert case["certificate"] == f"hvx-device-certificate/1\n{place}{rest}"
    assert case["revocation"] == f"hvx-device-revocation/1\n{place}{rest}"
    assert case["password_reset"] == f"hvx-password-reset/1\n{place}challenge: {_b64(challenge)}"
    assert case["key_transition"] == (
        f"hvx-key-transition/1\n{place}new-key: {case['new_key']}\nchallenge: {_b64(challenge)}"
    )

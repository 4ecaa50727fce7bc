"""The published vectors of the exchange: worked out again, shown, and asked of clients."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from client.protocol.device_hash import device_hash
from client.protocol.keyexchange import Schedule, Transcript, commitment, shared_secret, suites_text

FILE = Path(__file__).resolve().parent.parent / "vectors" / "keyexchange.json"


def cases() -> list[dict[str, Any]]:
    """The exchanges of tests/vectors/keyexchange.json."""
    found: list[dict[str, Any]] = json.loads(FILE.read_text())["cases"]
    return found


def expected(case: Mapping[str, Any]) -> dict[str, str]:
    """Every value between a case's inputs and its codes, by its name in the file."""
    return {**case["intermediate"], "code": case["code"], "return_code": case["return_code"]}


def work_out(given: Mapping[str, Any]) -> dict[str, str]:
    """The same values from a case's inputs alone: raw bytes in hex, texts as they are."""
    raw = {name: bytes.fromhex(given[name]) for name in given if name.endswith(_IN_HEX)}
    new_key = Ed25519PrivateKey.from_private_bytes(raw["new_device_private_key"])
    existing_key = Ed25519PrivateKey.from_private_bytes(raw["existing_device_private_key"])
    new_ephemeral = X25519PrivateKey.from_private_bytes(raw["new_ephemeral_private_key"])
    existing_ephemeral = X25519PrivateKey.from_private_bytes(raw["existing_ephemeral_private_key"])
    new_public = new_key.public_key().public_bytes_raw()
    existing_public = existing_key.public_key().public_bytes_raw()
    new_point = new_ephemeral.public_key().public_bytes_raw()
    existing_point = existing_ephemeral.public_key().public_bytes_raw()
    new_device = device_hash(given["account"], new_public, raw["new_device_challenge"])
    existing_device = device_hash(given["account"], existing_public, raw["existing_device_challenge"])
    suites = tuple(given["suites"])
    committed = commitment(given["exchange"], suites, new_device, new_public, new_point, raw["new_nonce"])
    transcript = Transcript(
        origin=given["origin"],
        account=given["account"],
        exchange=given["exchange"],
        suites=suites_text(suites),
        suite=given["suite"],
        method=given["method"],
        new_device=new_device,
        new_device_key=new_public,
        commitment=committed,
        existing_device=existing_device,
        existing_device_key=existing_public,
        existing_ephemeral_key=existing_point,
        existing_nonce=raw["existing_nonce"],
        new_ephemeral_key=new_point,
        new_nonce=raw["new_nonce"],
    ).digest()
    shared = shared_secret(new_ephemeral, existing_point)
    schedule = Schedule.derive(transcript, shared, raw["qr_secret"])
    return {
        "new_device_key": new_public.hex(),
        "new_device": new_device,
        "existing_device_key": existing_public.hex(),
        "existing_device": existing_device,
        "new_ephemeral_key": new_point.hex(),
        "existing_ephemeral_key": existing_point.hex(),
        "commitment": committed.hex(),
        "transcript": transcript.hex(),
        "shared": shared.hex(),
        "prk": schedule.prk.hex(),
        "key_prove": schedule.key("prove").hex(),
        "key_deliver": schedule.key("deliver").hex(),
        "key_ack": schedule.key("ack").hex(),
        "prove_signature": new_key.sign(schedule.statement("prove")).hex(),
        "deliver_proof": existing_key.sign(schedule.statement("deliver")).hex(),
        "code": schedule.code(),
        "return_code": schedule.return_code(),
    }


_IN_HEX = ("_private_key", "_challenge", "_nonce", "_secret")


def differences(case: Mapping[str, Any], values: Mapping[str, object]) -> Iterator[str]:
    """Where values that somebody worked out differ from the published ones. Both codes must be there."""
    published = expected(case)
    for name in published.keys() & (values.keys() | {"code", "return_code"}):
        if values.get(name) != published[name]:
            yield f"{case['name']}: {name} is {values.get(name)!r}, not {published[name]!r}"

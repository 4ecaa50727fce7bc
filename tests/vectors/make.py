"""Writes the vectors for authors of other clients: `python -m tests.vectors.make`.

Every input comes from a fixed label, so a second run writes the same bytes. Nothing in here is a
key that anybody uses.
"""

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from client.protocol import frames
from client.protocol.delivery import AccountKey, Delivery
from client.protocol.device_hash import device_hash
from client.protocol.encoding import b64url, lp
from client.protocol.frames import Accept, Request, Reveal, Sealed
from client.protocol.keyexchange import Schedule, Transcript, commitment, shared_secret, suites_text
from client.protocol.qr import QRCode
from client.protocol.statements import DeviceStatement, key_transition, password_reset
from tests.client.pair import device_key, ephemeral_key, identity, seed

FOLDER = Path(__file__).parent
FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"

# RFC 7748 §7 and the lists of other implementations: points with which every secret is zero.
LOW_ORDER = {
    "zero": "00" * 32,
    "one": "01" + "00" * 31,
    "order eight": "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "order eight, the other": "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "p - 1": "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "p": "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "p + 1": "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

EXCHANGES: tuple[dict[str, Any], ...] = (
    {"name": "six digits", "origin": "https://example.org", "username": "alice", "method": "code"},
    {"name": "by QR", "origin": "https://example.org", "username": "alice", "method": "qr"},
    {
        "name": "a port and a long name",
        "origin": "http://localhost:8000",
        "username": "a_" * 15,
        "method": "code",
    },
    {
        "name": "more suites than one are offered",
        "origin": "https://xn--exmple-cua.org",
        "username": "bob",
        "method": "code",
        "suites": ("x448-later", "x25519"),
    },
    {
        "name": "a code that begins with zero",
        "origin": "https://example.org",
        "username": "alice",
        "method": "code",
    },
)


def exchange_case(
    name: str, origin: str, username: str, method: str, suites: tuple[str, ...] = ("x25519",), salt: str = ""
) -> dict[str, Any]:
    """One exchange from its inputs to its codes, every value between them named as in the protocol."""
    label = f"{name}{salt}"
    account = f"{username}@{origin.partition('://')[2]}"
    new, existing = identity(f"N {label}", account, origin), identity(f"E {label}", account, origin)
    new_ephemeral, existing_ephemeral = ephemeral_key(f"N {label}"), ephemeral_key(f"E {label}")
    new_nonce, existing_nonce = seed(f"N nonce {label}"), seed(f"E nonce {label}")
    exchange = _uuid(label)
    committed = commitment(exchange, suites, new.device, new.public_key, _public(new_ephemeral), new_nonce)
    transcript = Transcript(
        origin=origin,
        account=account,
        exchange=exchange,
        suites=suites_text(suites),
        suite="x25519",
        method=method,
        new_device=new.device,
        new_device_key=new.public_key,
        commitment=committed,
        existing_device=existing.device,
        existing_device_key=existing.public_key,
        existing_ephemeral_key=_public(existing_ephemeral),
        existing_nonce=existing_nonce,
        new_ephemeral_key=_public(new_ephemeral),
        new_nonce=new_nonce,
    ).digest()
    shared = shared_secret(new_ephemeral, _public(existing_ephemeral))
    secret = seed(f"secret {label}", 16) if method == "qr" else b""
    schedule = Schedule.derive(transcript, shared, secret)
    prove = new.device_key.sign(schedule.statement("prove"))
    proof = existing.device_key.sign(schedule.statement("deliver"))
    delivery = Delivery(
        AccountKey(FINGERPRINT, "(an armored private key)"), "(an armored certificate)", proof
    ).to_json()
    sealed = {
        kind: schedule.seal(kind, plaintext)
        for kind, plaintext in (("prove", prove), ("deliver", delivery), ("ack", b""))
    }
    case: dict[str, Any] = {
        "name": name,
        "inputs": {
            "origin": origin,
            "account": account,
            "exchange": exchange,
            "suites": list(suites),
            "suite": "x25519",
            "method": method,
            "new_device_private_key": device_key(f"N {label}").private_bytes_raw().hex(),
            "new_device_challenge": new.challenge.hex(),
            "new_ephemeral_private_key": new_ephemeral.private_bytes_raw().hex(),
            "new_nonce": new_nonce.hex(),
            "existing_device_private_key": device_key(f"E {label}").private_bytes_raw().hex(),
            "existing_device_challenge": existing.challenge.hex(),
            "existing_ephemeral_private_key": existing_ephemeral.private_bytes_raw().hex(),
            "existing_nonce": existing_nonce.hex(),
            "qr_secret": secret.hex(),
            "delivery": delivery.decode(),
        },
        "intermediate": {
            "new_device_key": new.public_key.hex(),
            "new_device": new.device,
            "existing_device_key": existing.public_key.hex(),
            "existing_device": existing.device,
            "new_ephemeral_key": _public(new_ephemeral).hex(),
            "existing_ephemeral_key": _public(existing_ephemeral).hex(),
            "commitment": committed.hex(),
            "transcript": transcript.hex(),
            "shared": shared.hex(),
            "prk": schedule.prk.hex(),
            "key_prove": schedule.key("prove").hex(),
            "key_deliver": schedule.key("deliver").hex(),
            "key_ack": schedule.key("ack").hex(),
            "aad_prove": lp(transcript, "prove").hex(),
            "prove_signature": prove.hex(),
            "deliver_proof": proof.hex(),
        },
        "code": schedule.code(),
        "return_code": schedule.return_code(),
        "frames": {
            "request": frames.write(
                Request(exchange, None, suites, new.device, new.public_key, new.challenge, committed)
            ),
            "accept": frames.write(
                Accept(
                    exchange,
                    "x25519",
                    method,
                    existing.device,
                    existing.public_key,
                    _public(existing_ephemeral),
                    existing_nonce,
                )
            ),
            "reveal": frames.write(Reveal(exchange, _public(new_ephemeral), new_nonce)),
            **{kind: frames.write(Sealed(kind, exchange, raw)) for kind, raw in sealed.items()},
        },
    }
    if method == "qr":
        case["qr"] = QRCode(exchange, committed, secret, origin).text()
    return case


def keyexchange() -> dict[str, Any]:
    """The content of keyexchange.json."""
    *plain, zero = EXCHANGES
    cases = [exchange_case(**case) for case in plain]
    # Tried in order until the first code with a zero in front: which is found is fixed.
    attempts = (exchange_case(**zero, salt=str(count)) for count in range(1000))
    cases.append(
        next(case for case in attempts if case["code"].startswith("0") and case["return_code"][0] == "0")
    )
    first = cases[0]
    return {
        "about": "The handoff of docs/protocol.md §4, suite x25519. Bytes are in hex, frames JSON text.",
        "source": "tests/vectors/make.py; tests/client/test_vectors.py computes each value a second way",
        "cases": cases,
        "refused": [*_zero_points(), *_bad_commitments(first), *_bad_seals(first)],
    }


def _zero_points() -> list[dict[str, Any]]:
    own = ephemeral_key("against low order")
    return [
        {
            "name": f"low order: {name}",
            "failure": "zero_point",
            "private_key": own.private_bytes_raw().hex(),
            "public_key": point,
        }
        for name, point in LOW_ORDER.items()
    ]


def _bad_commitments(case: dict[str, Any]) -> list[dict[str, Any]]:
    reveal = json.loads(case["frames"]["reveal"])
    other = b64url(seed("another"))
    return [
        {
            "name": f"a reveal with another {name}",
            "failure": "bad_commitment",
            "case": case["name"],
            "frame": json.dumps({**reveal, name: other}, separators=(",", ":")),
        }
        for name in ("ephemeral_key", "nonce")
    ]


def _bad_seals(case: dict[str, Any]) -> list[dict[str, Any]]:
    sealed = {kind: json.loads(case["frames"][kind])["sealed"] for kind in ("prove", "deliver", "ack")}
    return [
        {
            "name": f"{kind}: {name}",
            "failure": "does not open",
            "case": case["name"],
            "kind": kind,
            "sealed": text,
        }
        for kind, name, text in (
            ("prove", "first bit flipped", _flip(sealed["prove"])),
            ("deliver", "cut short", sealed["deliver"][:44]),
            ("deliver", "sealed as prove", sealed["prove"]),
            ("ack", "a tag of zeros", b64url(bytes(16))),
        )
    ]


def devices() -> dict[str, Any]:
    """The content of devices.json: device hashes and the texts that an account key signs."""
    cases = []
    for origin, username in (("https://example.org", "alice"), ("http://localhost:8000", "a_" * 15)):
        account = f"{username}@{origin.partition('://')[2]}"
        who = identity(f"statements {account}", account, origin)
        statement = DeviceStatement(origin, account, FINGERPRINT, who.device, who.public_key, who.challenge)
        cases.append(
            {
                "origin": origin,
                "account": account,
                "key": FINGERPRINT,
                "new_key": FINGERPRINT[::-1],
                "device_key": who.public_key.hex(),
                "challenge": who.challenge.hex(),
                "device_hash_input": lp("hvx-device/1", account, who.public_key, who.challenge).hex(),
                "device": device_hash(account, who.public_key, who.challenge),
                "certificate": statement.certificate().decode(),
                "revocation": statement.revocation().decode(),
                "key_transition": key_transition(
                    origin, account, FINGERPRINT, FINGERPRINT[::-1], who.challenge
                ).decode(),
                "password_reset": password_reset(origin, account, FINGERPRINT, who.challenge).decode(),
            }
        )
    return {
        "about": "Device hashes and statements of docs/protocol.md §3. Bytes are lower-case hex.",
        "source": "tests/vectors/make.py; tests/client/test_vectors.py computes each value a second way",
        "cases": cases,
    }


def written(content: dict[str, Any]) -> str:
    """A vector file as it stands on disk."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _public(key: X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _uuid(label: str) -> str:
    raw = seed(f"exchange {label}", 16).hex()
    return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-8{raw[17:20]}-{raw[20:]}"


def _flip(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


if __name__ == "__main__":
    (FOLDER / "keyexchange.json").write_text(written(keyexchange()))
    (FOLDER / "devices.json").write_text(written(devices()))

"""An authenticator in software, and the browser before it: what WebAuthn answers to a server's options.

    token = Authenticator()
    made = token.create(options, origin=wire.origin)     # RegistrationResponseJSON
    shown = token.get(options, origin=wire.origin)       # AuthenticationResponseJSON

Written from the specification (Level 3), never from the server's code. Every part of an answer can
be overridden, so that tests can send what no authenticator would.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.people import b64url, from_b64url

ES256, EDDSA, RS256 = -7, -8, -257
UP, UV, BE, BS, AT, ED = 1 << 0, 1 << 2, 1 << 3, 1 << 4, 1 << 6, 1 << 7

Private = ec.EllipticCurvePrivateKey | Ed25519PrivateKey | rsa.RSAPrivateKey


def new_key(algorithm: int) -> Private:
    if algorithm == ES256:
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == EDDSA:
        return Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def cose_key(key: Private) -> dict[int, Any]:
    """The COSE_Key (RFC 9053) of the public half."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        return {1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
    if isinstance(key, Ed25519PrivateKey):
        return {1: 1, 3: EDDSA, -1: 6, -2: key.public_key().public_bytes_raw()}
    numbers = key.public_key().public_numbers()
    return {1: 3, 3: RS256, -1: numbers.n.to_bytes(256, "big"), -2: numbers.e.to_bytes(3, "big")}


def sign(key: Private, message: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def client_data(type_: str, challenge: str, origin: str, said: dict[str, Any] | None) -> bytes:
    """CollectedClientData (§5.8.1); what is `said` overrides, and None leaves a member out."""
    members = {"type": type_, "challenge": challenge, "origin": origin, "crossOrigin": False} | (said or {})
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


@dataclass
class Authenticator:
    """Holds one credential once `create` was called. `counts`: its counter rises with each use."""

    algorithm: int = ES256
    flags: int = UP | UV
    counts: bool = True
    counter: int = 0
    user_handle: bytes = b""
    rp_id: str = ""
    aaguid: bytes = bytes(16)
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: Private = field(init=False)

    def __post_init__(self) -> None:
        self.key = new_key(self.algorithm)

    def authenticator_data(self, *, flags: int, rp_id: str | None = None, more: bytes = b"") -> bytes:
        """§6.1: rpIdHash ‖ flags ‖ signCount ‖ what else there is."""
        if self.counts:
            self.counter += 1
        hashed = hashlib.sha256((self.rp_id if rp_id is None else rp_id).encode()).digest()
        return hashed + bytes([flags]) + self.counter.to_bytes(4, "big") + more

    def create(
        self,
        options: dict[str, Any],
        *,
        origin: str,
        rp_id: str | None = None,
        flags: int | None = None,
        fmt: str = "none",
        statement: dict[str, Any] | None = None,
        public_key: bytes | None = None,
        said: dict[str, Any] | None = None,
        **response: Any,
    ) -> dict[str, Any]:
        """navigator.credentials.create() for these options; `said` overrides the client data."""
        self.rp_id = options["rp"]["id"]
        self.user_handle = from_b64url(options["user"]["id"])
        encoded = cbor2.dumps(cose_key(self.key)) if public_key is None else public_key
        attested = self.aaguid + len(self.credential_id).to_bytes(2, "big") + self.credential_id + encoded
        data = self.authenticator_data(
            flags=(self.flags if flags is None else flags) | AT, rp_id=rp_id, more=attested
        )
        collected = client_data("webauthn.create", options["challenge"], origin, said)
        if fmt == "packed" and statement is None:
            signature = sign(self.key, data + hashlib.sha256(collected).digest())
            statement = {"alg": self.algorithm, "sig": signature}
        attestation = {"fmt": fmt, "attStmt": statement or {}, "authData": data}
        return self._credential(
            {
                "clientDataJSON": b64url(collected),
                "attestationObject": b64url(cbor2.dumps(attestation)),
                "transports": ["internal", "hybrid"],
            }
            | response
        )

    def get(
        self,
        options: dict[str, Any],
        *,
        origin: str,
        rp_id: str | None = None,
        flags: int | None = None,
        said: dict[str, Any] | None = None,
        key: Private | None = None,
        type_: str = "webauthn.get",
        **response: Any,
    ) -> dict[str, Any]:
        """navigator.credentials.get() for these options."""
        data = self.authenticator_data(flags=self.flags if flags is None else flags, rp_id=rp_id)
        collected = client_data(type_, options["challenge"], origin, said)
        signature = sign(key or self.key, data + hashlib.sha256(collected).digest())
        return self._credential(
            {
                "clientDataJSON": b64url(collected),
                "authenticatorData": b64url(data),
                "signature": b64url(signature),
                "userHandle": b64url(self.user_handle),
            }
            | response
        )

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        name = b64url(self.credential_id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }

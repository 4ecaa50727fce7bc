"""People with their devices, as a client plays them: keys, proofs, statements and the calls of §3.

    alice = Person(DjangoWire())        # or Person(LiveWire(server.url))
    alice.register()                    # alice.handset is her first device, active
    phone = alice.new_handset("phone")
    phone.log_in()                      # pending
    phone.activate()                    # active: alice holds her account key
    phone.call("GET", "devices")        # with token, and with a proof where the protocol wants one

What is signed and hashed here is written down from the protocol anew, never taken from the server's
code, so that the two check each other. Imports neither pytest nor, for a live server, Django.
"""

import hashlib
import json
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.openpgp import OpenPGPKey, make_key, signature_block

API = "/api/hvx/v1/"
PROVEN = re.compile(
    r"POST (challenges|accounts|sessions|sessions/(activate|refresh|logout|passkey|passkey/options)"
    r"|devices/[^/]+/revoke|me/(password|key|export))|DELETE me"
)
# These go by the proof alone.
TOKENLESS = re.compile(
    r"POST (accounts|sessions|sessions/(refresh|passkey|passkey/options)|password-reset)"
    r"|GET (accounts/.*|instance)"
)


def b64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_b64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def lp(*parts: bytes | str) -> bytes:
    raw = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join(len(one).to_bytes(4, "big") + one for one in raw)


def device_hash(account: str, device_key: bytes, challenge: bytes) -> str:
    return b64url(hashlib.sha256(lp("hvx-device/1", account, device_key, challenge)).digest())


# --- Answers and the ways to them --------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What came back. Header names are lower-case. A body shows in a failed assertion; it may hold
    a token of the test's own server."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The problem's code; an assertion fails for an answer that is no problem document."""
        assert self.headers["content-type"] == "application/problem+json", self
        problem = self.json
        assert {"type", "title", "status", "detail", "code"} <= problem.keys(), self
        assert problem["status"] == self.status, self
        return str(problem["code"])

    @property
    def refusal(self) -> tuple[int, str]:
        return self.status, self.code

    def expect(self, status: int) -> Self:
        assert self.status == status, self
        return self


class Wire(Protocol):
    """A way to a server. `origin` is the server's own, as it stands in everything signed."""

    origin: str

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None
    ) -> Answer: ...


class DjangoWire:
    """The application in this process, through its WSGI handler and middleware.

    In a test that rolls back, what waits for the commit is done after each answer.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        from django.conf import settings
        from django.test import Client

        self.origin: str = settings.HVX_ORIGIN
        self._client = Client(raise_request_exception=False, REMOTE_ADDR=address)

    def request(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None) -> Answer:
        from django.test import TestCase

        rest = dict(headers)
        content_type = rest.pop("Content-Type", "")
        with TestCase.captureOnCommitCallbacks(execute=True):
            response = self._client.generic(
                method, path, body or b"", content_type=content_type, headers=rest or None
            )
            content = b"".join(response) if response.streaming else response.content
        found = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, found, content)


class LiveWire:
    """A server on the loopback interface."""

    def __init__(self, url: str, origin: str | None = None) -> None:
        self.origin = origin or url
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def request(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None) -> Answer:
        response = self._client.request(method, path, headers=dict(headers), content=body)
        return Answer(response.status_code, response.headers, response.content)

    def close(self) -> None:
        self._client.close()


# --- Proofs --------------------------------------------------------------------------------------


def jwk_of(public: bytes) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": b64url(public)}


def thumbprint(public: bytes) -> str:
    canonical = json.dumps(jwk_of(public), sort_keys=True, separators=(",", ":"))
    return b64url(hashlib.sha256(canonical.encode()).digest())


def make_proof(
    key: Ed25519PrivateKey,
    method: str,
    url: str,
    *,
    nonce: str | None = None,
    token: str | None = None,
    header: Mapping[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A DPoP proof (RFC 9449 §4.2). `token` adds its `ath`; `header` and `claims` override members,
    and one that is overridden with None is left out."""
    body: dict[str, Any] = {
        "htm": method,
        "htu": url,
        "iat": int(time.time()),
        "jti": secrets.token_urlsafe(16),
        "nonce": nonce,
        "ath": None if token is None else b64url(hashlib.sha256(token.encode()).digest()),
    } | claims
    head = {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk_of(key.public_key().public_bytes_raw())}
    return sign_jwt(
        key,
        {name: value for name, value in {**head, **(header or {})}.items() if value is not None},
        {name: value for name, value in body.items() if value is not None},
    )


def sign_jwt(key: Ed25519PrivateKey, header: Mapping[str, Any], claims: Any) -> str:
    """A compact JWS by Ed25519 with exactly this header, whatever it says."""
    signed = ".".join(b64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{b64url(key.sign(signed.encode()))}"


# --- What the account key signs ------------------------------------------------------------------


@dataclass(frozen=True)
class Statement:
    """The lines of a certificate or revocation; `text` is what is signed."""

    origin: str
    account: str
    fingerprint: str
    device: str
    device_key: bytes
    challenge: str

    def text(self, heading: str) -> str:
        return (
            f"{heading}\n"
            f"origin: {self.origin}\n"
            f"account: {self.account}\n"
            f"key: {self.fingerprint}\n"
            f"device: {self.device}\n"
            f"device-key: {b64url(self.device_key)}\n"
            f"challenge: {self.challenge}"
        )


CERTIFICATE, REVOCATION = "hvx-device-certificate/1", "hvx-device-revocation/1"


class Person:
    """Somebody with an account key, a password, and `handset`, their first device."""

    def __init__(
        self,
        wire: Wire,
        username: str | None = None,
        *,
        email: str | None = None,
        password: str | None = None,
        key: OpenPGPKey | None = None,
    ) -> None:
        self.wire = wire
        self.username = username or f"person_{secrets.token_hex(5)}"
        self.email = email or f"{self.username}@mail.example"
        self.password = password or secrets.token_urlsafe(15)
        self.key = key or make_key(self.username)
        self.account = f"{self.username}@{wire.origin.split('://')[1]}"
        self.id = ""
        self.handset = self.new_handset("first")

    def new_handset(self, name: str = "another", key: Ed25519PrivateKey | None = None) -> "Handset":
        """A device that has not spoken to the server yet."""
        return Handset(self, name, key)

    def registration(self, handset: "Handset | None" = None, **overrides: Any) -> dict[str, Any]:
        """A body of `POST accounts` that is good, but for the overrides; asks for its challenge."""
        using = handset or self.handset
        given = using.ask_challenge("register", username=self.username).expect(200).json
        using.hash, using.challenge = given["device"], given["challenge"]
        body: dict[str, Any] = {
            "username": self.username,
            "email": self.email,
            "password": self.password,
            "public_key": self.key.public,
            "device": {"name": using.name, "platform": "tests"},
            "challenge": using.challenge,
            "certificate": using.certificate(),
        } | overrides
        return {name: value for name, value in body.items() if value is not None}

    def register(self, **overrides: Any) -> Answer:
        """Challenge and registration from `handset`, which becomes the account's first device."""
        answer = self.handset.call("POST", "accounts", self.registration(**overrides))
        if answer.status == 201:
            self.id = answer.json["account"]["id"]
            self.handset.remember(answer)
        return answer

    def certified_handset(self, name: str = "another") -> "Handset":
        """One more device, logged in and certified."""
        handset = self.new_handset(name)
        handset.log_in().expect(200)
        handset.activate().expect(200)
        return handset

    def transition(self, new: OpenPGPKey, challenge: str, *signers: OpenPGPKey) -> str:
        """The statement that replaces the account key, signed by the old key and the new."""
        text = (
            "hvx-key-transition/1\n"
            f"origin: {self.wire.origin}\n"
            f"account: {self.account}\n"
            f"key: {self.key.fingerprint}\n"
            f"new-key: {new.fingerprint}\n"
            f"challenge: {challenge}"
        )
        return signature_block(*(key.sign_packet(text) for key in signers or (self.key, new)))

    def reset_statement(self, challenge: str) -> str:
        """The text that sets a new password without the old one."""
        return (
            "hvx-password-reset/1\n"
            f"origin: {self.wire.origin}\n"
            f"account: {self.account}\n"
            f"key: {self.key.fingerprint}\n"
            f"challenge: {challenge}"
        )


class Handset:
    """A device of a person: its key, and after a login its hash, challenge and token."""

    def __init__(self, person: Person, name: str, key: Ed25519PrivateKey | None = None) -> None:
        self.person = person
        self.wire = person.wire
        self.name = name
        self.key = key or Ed25519PrivateKey.generate()
        self.public = self.key.public_key().public_bytes_raw()
        self.hash = self.challenge = self.token = ""
        self.token_type = "Bearer"
        self.nonce: str | None = None

    # --- speaking

    def proof(self, method: str, path: str, *, token: str | None = None, **members: Any) -> str:
        """A proof for a path of the native API, or for a path that begins with a slash."""
        where = path if path.startswith("/") else API + path
        url = self.wire.origin + where.partition("?")[0]
        return make_proof(self.key, method, url, token=token, **{"nonce": self.nonce, **members})

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        proof: str | bool | None = None,
        authorization: str | bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One call, repeated once where the server asks for its nonce.

        `proof`: a text to send instead; True or False to send one or none; by itself, what the
        protocol asks for. `authorization`: a header to send instead, or False for none. `token`:
        another token than the device's own. A body of bytes goes as it is.
        """
        sent = {"Content-Type": "application/json"} if body is not None else {}
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        own = token or self.token
        route = f"{method} {path.partition('?')[0].removeprefix(API)}"
        if isinstance(authorization, str):
            sent["Authorization"] = authorization
        elif authorization and own and not TOKENLESS.fullmatch(route):
            sent["Authorization"] = f"{self.token_type} {own}"
        bound = self.token_type == "DPoP" and "Authorization" in sent
        proves = (bool(PROVEN.fullmatch(route)) or bound) if proof is None else bool(proof)
        where = path if path.startswith("/") else API + path
        for attempt in range(2):
            if proves:
                made = self.proof(method, path, token=own if bound else None)
                sent["DPoP"] = proof if isinstance(proof, str) else made
            answer = self.wire.request(method, where, headers={**sent, **(headers or {})}, body=raw)
            self.nonce = answer.headers.get("dpop-nonce", self.nonce)
            stale = answer.status == 401 and b'"use_dpop_nonce"' in answer.body
            if not stale or isinstance(proof, str) or attempt:
                break
        return answer

    def remember(self, answer: Answer) -> Answer:
        """Take hash, token and challenge from an answer that brings them."""
        told = answer.json
        self.hash = told["device"]
        self.token = told["access_token"]
        self.token_type = told["token_type"]
        self.challenge = told.get("challenge", self.challenge)
        return answer

    # --- the calls of §3

    def ask_challenge(self, purpose: str, **members: Any) -> Answer:
        return self.call("POST", "challenges", {"purpose": purpose, **members})

    def log_in(self, login: str | None = None, password: str | None = None, **members: Any) -> Answer:
        body = {
            "login": self.person.username if login is None else login,
            "password": self.person.password if password is None else password,
            "device": {"name": self.name, "platform": "tests"},
        }
        answer = self.call("POST", "sessions", body | members)
        return self.remember(answer) if answer.status == 200 else answer

    def activate(self, certificate: str | None = None, **members: Any) -> Answer:
        made = self.certificate() if certificate is None else certificate
        answer = self.call("POST", "sessions/activate", {"certificate": made, **members})
        return self.remember(answer) if answer.status == 200 else answer

    def refresh(self, **members: Any) -> Answer:
        answer = self.call("POST", "sessions/refresh", members)
        return self.remember(answer) if answer.status == 200 else answer

    def revoke(self, other: "Handset", *, backed_up: bool = False) -> Answer:
        """Challenge and signed revocation of another device, or of this one."""
        path = f"devices/{other.hash}/revoke"
        return self.call("POST", path + ("?key_backed_up=true" if backed_up else ""), self.revocation(other))

    def log_out(self, *, statement: bool = True, backed_up: bool = False) -> Answer:
        path = "sessions/logout" + ("?key_backed_up=true" if backed_up else "")
        return self.call("POST", path, self.revocation(self) if statement else {})

    # --- what its person signs for it

    def statement(self, challenge: str | None = None) -> Statement:
        person = self.person
        return Statement(
            origin=self.wire.origin,
            account=person.account,
            fingerprint=person.key.fingerprint,
            device=self.hash,
            device_key=self.public,
            challenge=self.challenge if challenge is None else challenge,
        )

    def certificate(self, *, key: OpenPGPKey | None = None) -> str:
        """A good certificate of this device by the account key."""
        signer = key or self.person.key
        statement = self.statement()
        if key is not None:
            statement = Statement(**{**vars(statement), "fingerprint": key.fingerprint})
        return signer.sign(statement.text(CERTIFICATE))

    def revocation(self, other: "Handset") -> dict[str, str]:
        """A good body that revokes the other device, with a challenge asked for by this one."""
        challenge = self.ask_challenge("revoke", device=other.hash).expect(200).json["challenge"]
        text = other.statement(challenge).text(REVOCATION)
        return {"challenge": challenge, "revocation": self.person.key.sign(text)}


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, unchecked."""
    return dict(jwt.decode(token, options={"verify_signature": False}))

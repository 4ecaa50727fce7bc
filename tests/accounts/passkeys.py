"""What people do with their passkeys, and what they are told."""

from collections.abc import Callable
from typing import Any

from tests.people import Answer, Handset, b64url, from_b64url
from tests.webauthn import Authenticator

CREDENTIALS = (401, "invalid_credentials")
INVALID = (422, "passkey_invalid")


def creation_options(handset: Handset, **body: Any) -> dict[str, Any]:
    asked = handset.call("POST", "me/passkeys", {"password": handset.person.password} | body)
    options: dict[str, Any] = asked.expect(200).json["options"]
    return options


def keep(handset: Handset, credential: dict[str, Any], name: str = "a key") -> Answer:
    return handset.call("POST", "me/passkeys", {"name": name, "credential": credential})


def add(handset: Handset, authenticator: Authenticator, **how: Any) -> Answer:
    made = authenticator.create(creation_options(handset), origin=handset.wire.origin, **how)
    return keep(handset, made)


def request_options(handset: Handset) -> dict[str, Any]:
    options: dict[str, Any] = handset.call("POST", "sessions/passkey/options", {}).expect(200).json["options"]
    return options


def enter(handset: Handset, credential: dict[str, Any], **members: Any) -> Answer:
    body = {"credential": credential, "device": {"name": handset.name, "platform": "tests"}} | members
    answer = handset.call("POST", "sessions/passkey", body)
    return handset.remember(answer) if answer.status == 200 else answer


def log_in(handset: Handset, authenticator: Authenticator, **how: Any) -> Answer:
    return enter(handset, authenticator.get(request_options(handset), origin=handset.wire.origin, **how))


def _replaced(text: str, at: int) -> str:
    raw = bytearray(from_b64url(text))
    raw[at] ^= 1
    return b64url(bytes(raw))


def altered(part: str, at: int = -1) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What changes one bit of a part of an answer."""

    def alter(credential: dict[str, Any]) -> dict[str, Any]:
        response = credential["response"]
        return credential | {"response": response | {part: _replaced(response[part], at)}}

    return alter

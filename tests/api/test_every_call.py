"""Every native call, taken from the OpenAPI document: what no call may take, and whom each refuses.

A refusal is a problem document with a code, and no call answers 5xx.
"""

import json
from typing import Any

import pytest

from accounts.serializers_access_keys import SCOPES
from tests.api.apps import app_token
from tests.api.operations import Operation, call, operations
from tests.people import Answer, Person

ALL = operations()
WITH_BODY = [operation for operation in ALL if operation.takes_body]
UNDER_TOKEN = [operation for operation in ALL if operation.token]
# PROTOCOL §3: a pending token reaches these, and the socket.
FOR_PENDING = {"sessions_activate", "sessions_logout", "sessions_refresh"}


def every(some: list[Operation]) -> Any:
    return pytest.mark.parametrize("operation", some, ids=lambda operation: operation.name)


def test_the_document_lists_the_calls_of_the_protocol() -> None:
    listed = {f"{operation.method} {operation.path.removeprefix('/api/hvx/v1/')}" for operation in ALL}
    assert {
        "GET instance", "POST challenges", "POST accounts", "POST sessions", "POST sessions/activate",
        "POST sessions/refresh", "POST sessions/logout", "GET devices", "GET devices/{device}",
        "PATCH devices/{device}", "POST devices/{device}/revoke", "POST me/key", "GET accounts/{username}",
        "GET accounts/{username}/devices", "GET me", "PATCH me", "POST me/password",
        "POST password-reset", "GET me/secret", "PUT me/secret", "GET me/access-keys",
        "POST me/access-keys", "DELETE me/access-keys/{id}", "POST sessions/access-key",
        "GET me/passkeys", "POST me/passkeys", "DELETE me/passkeys/{id}",
        "POST sessions/passkey/options", "POST sessions/passkey", "POST me/export", "DELETE me",
        "GET me/security-log",
    } <= listed  # fmt: skip


# --- Bodies that are none -------------------------------------------------------------------------


BODIES = {
    "broken": (b'{"username": ', {"malformed_json"}),
    "empty": (b"", {"malformed_json", "invalid_fields", "unsupported_media_type"}),
    "not UTF-8": (b'{"login":"\xff\xfe"}', {"malformed_json"}),
    "half a character": (b'{"login":"\\ud800","username":"\\ud800"}', {"malformed_json"}),
    "deep": (b'{"device":' + b"[" * 900 + b"]" * 900 + b"}", {"malformed_json", "invalid_fields"}),
    "deeper": (b"[" * 200_000, {"malformed_json"}),
    "a member twice": (b'{"device":{"name":"a","name":"b"},"login":"a","login":"b"}', {"malformed_json"}),
    "not a number": (b'{"login":NaN}', {"malformed_json"}),
    "too large": (b'{"login":"' + b"a" * 600_000 + b'"}', {"too_large"}),
    "a list": (b"[]", {"invalid_fields"}),
    "null": (b"null", {"invalid_fields"}),
    "a text": (b'"hello"', {"invalid_fields"}),
    "a number": (b"1e400", {"malformed_json", "invalid_fields"}),
}


@every(WITH_BODY)
@pytest.mark.parametrize("kind", BODIES)
def test_a_body_is_refused_that_is(person: Person, operation: Operation, kind: str) -> None:
    body, codes = BODIES[kind]
    if operation.name in ("sessions_logout", "me_change", "devices_revoke"):
        # These take a body without members, so an empty one is no fault of the body's.
        codes = codes | {"last_device", "revocation_invalid"}
    answer = call(person.handset, operation, body)
    if answer.status != 200 or operation.name not in ("sessions_refresh", "me_change"):
        assert answer.code in codes, answer
        assert 400 <= answer.status < 500


@every(WITH_BODY)
@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"],
)
def test_a_body_of_another_media_type_is_refused(
    person: Person, operation: Operation, media_type: str
) -> None:
    answer = call(person.handset, operation, b"username=alice", headers={"Content-Type": media_type})
    assert answer.refusal == (415, "unsupported_media_type")


@every(ALL)
def test_an_answer_in_another_media_type_is_refused(person: Person, operation: Operation) -> None:
    body: Any = {} if operation.takes_body else None
    answer = call(person.handset, operation, body, headers={"Accept": "text/html"})
    assert answer.refusal == (406, "not_acceptable")


WRONG_VALUES: list[Any] = [
    7, -1, 1.5, True, None, [], ["somebody"], {}, {"a": 1}, "", "\x00", "a\x00b", "x" * 200_000,
]  # fmt: skip


def _fits(schema: dict[str, Any], value: object) -> bool:
    """Whether the document allows the value, so that the call may take it."""
    if value is None:
        return bool(schema.get("nullable"))
    return (schema.get("type"), value) in (("array", []), ("object", {}))


FIELDS = [
    pytest.param(operation, name, id=f"{operation.name}-{name}")
    for operation in WITH_BODY
    for name in operation.fields
]


@pytest.mark.parametrize(("operation", "field"), FIELDS)
def test_a_field_of_a_wrong_type_is_named(person: Person, operation: Operation, field: str) -> None:
    named = 0
    for value in WRONG_VALUES:
        if _fits(operation.fields[field], value):
            continue
        answer: Answer = call(person.handset, operation, operation.body | {field: value})
        if operation.name == "challenges" and answer.status != 422:
            continue  # which fields it reads depends on its purpose: tests/devices/test_challenges.py
        if (operation.name, field, value) in ALLOWED:
            continue
        assert answer.refusal == (422, "invalid_fields"), (value, answer)
        assert any(key.split(".")[0] == field for key in answer.json["errors"]), (value, answer)
        named += 1
    assert named or operation.name == "challenges"


ALLOWED = [("accounts_register", "invite", "")]


@every(WITH_BODY)
def test_members_that_nobody_asked_for_are_passed_over(person: Person, operation: Operation) -> None:
    plain = call(person.handset, operation, {})
    more = call(person.handset, operation, {"nobody": "asked", "__proto__": {}, "id": 1, "state": "active"})
    assert more.status == plain.status


# --- Methods and addresses ------------------------------------------------------------------------


@every(ALL)
def test_other_methods_are_refused(person: Person, operation: Operation) -> None:
    known = {other.method for other in ALL if other.path == operation.path}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "NONSENSE"} - known:
        answer = person.handset.call(method, operation.at(person), proof=operation.proof)
        assert answer.code in ("method_not_allowed", "invalid_dpop_proof", "not_authenticated"), answer
        assert answer.status in (405, 401)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "nothing",
        "me/",
        "me/nothing",
        "devices/",
        "accounts/",
        "accounts//devices",
        "%2e%2e",
        "%00",
        "é",
        "%FF%FE",
    ],
)
def test_there_is_nothing_at_other_addresses(person: Person, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        assert person.handset.call(method, path, proof=False).refusal == (404, "not_found")


@pytest.mark.parametrize("host", ["evil.example", "", "a b", "x" * 300, "[::1", "localhost:99999", "\xff"])
def test_the_host_header_is_never_believed(person: Person, host: str) -> None:
    for operation in ALL:
        if operation.method == "GET":
            answer = call(person.handset, operation, headers={"Host": host})
            assert answer.status < 500
            assert b"evil.example" not in answer.body


# --- Whom each call refuses -----------------------------------------------------------------------


@every(UNDER_TOKEN)
def test_without_a_token_it_is_refused(person: Person, operation: Operation) -> None:
    body: Any = {"purpose": "key"} if operation.name == "challenges" else operation.body
    if not operation.takes_body:
        body = None
    answer = call(person.handset, operation, body, authorization=False)
    assert answer.refusal == (401, "not_authenticated")


@every([operation for operation in ALL if operation.proof])
def test_without_a_proof_it_is_refused(person: Person, operation: Operation) -> None:
    answer = call(person.handset, operation, operation.body, proof=False)
    assert answer.refusal == (401, "invalid_dpop_proof")


@every(UNDER_TOKEN)
def test_a_pending_token_reaches_only_its_own_calls(person: Person, operation: Operation) -> None:
    phone = person.new_handset()
    phone.log_in().expect(200)
    body: Any = operation.body if operation.takes_body else None
    if operation.name == "challenges":
        body = {"purpose": "revoke", "device": phone.hash}
    answer = phone.call(operation.method, operation.at(person), body)
    if operation.name in FOR_PENDING:
        assert answer.code in ("certificate_invalid", "challenge_invalid", "revocation_invalid")
    else:
        assert answer.refusal == (403, "device_pending")


@every(UNDER_TOKEN)
def test_an_apps_token_reaches_nothing_of_the_native_api(person: Person, operation: Operation) -> None:
    body = {"purpose": "key"} if operation.name == "challenges" else operation.body
    for scope in ("read write follow push", "", "files:read"):
        shown = f"Bearer {app_token(person, scope=scope)}"
        sent = body if operation.takes_body else None
        for proof in (True, False):
            answer = call(person.handset, operation, sent, authorization=shown, proof=proof)
            assert answer.refusal == (403, "app_token")


@every(UNDER_TOKEN)
def test_an_access_keys_token_reaches_no_call_that_its_scopes_do_not_name(
    person: Person, operation: Operation
) -> None:
    body = {"purpose": "key"} if operation.name == "challenges" else operation.body
    every_scope = {"name": "a bot", "scopes": list(SCOPES), "password": person.password}
    made = person.handset.call("POST", "me/access-keys", every_scope).expect(201).json["access_key"]
    exchange = {"key_id": made["key_id"], "secret": made["secret"]}
    token = person.new_handset().call("POST", "sessions/access-key", exchange).expect(200).json
    shown = f"Bearer {token['access_token']}"
    sent = body if operation.takes_body else None
    for proof in (True, False):
        answer = call(person.handset, operation, sent, authorization=shown, proof=proof)
        assert answer.refusal == (403, "insufficient_scope")


@every(UNDER_TOKEN)
def test_a_revoked_devices_token_is_refused(person: Person, operation: Operation) -> None:
    phone = person.certified_handset()
    person.handset.revoke(phone).expect(200)
    body = {"purpose": "key"} if operation.name == "challenges" else operation.body
    answer = phone.call(operation.method, operation.at(person), body if operation.takes_body else None)
    assert answer.refusal == (401, "device_revoked")


@every(ALL)
def test_what_anybody_may_ask_tells_no_e_mail_address(person: Person, operation: Operation) -> None:
    body = operation.body if operation.takes_body else None
    answer = call(person.handset, operation, body, authorization=False)
    assert person.email.encode() not in answer.body
    assert json.dumps(person.email).encode() not in answer.body

"""Every published message signature of RFC 9421, and every component line, with the outcome of its file."""

from base64 import b64decode
from typing import Any

import pytest

from activitypub.protocol.signatures import rfc9421
from activitypub.protocol.signatures.algorithms import Algorithm
from activitypub.protocol.signatures.algorithms import sign as sign_bytes
from activitypub.protocol.signatures.components import FIELD_KINDS, Message, signature_base
from activitypub.protocol.signatures.digests import check_content_digest
from activitypub.protocol.signatures.keys import PublicKey, private_key_from_vault, public_key_from_pem
from activitypub.protocol.signatures.messages import Headers, SignedRequest, SignedResponse
from activitypub.protocol.signatures.policy import Claim, Rejected, Verified, check, read_claim
from activitypub.protocol.signatures.reasons import Reason, SignatureError
from activitypub.protocol.signatures.rfc9421 import MessageSignature, parse
from activitypub.protocol.signatures.structured_fields import parse_dictionary
from tests.activitypub.protocol.signatures.vectors import Case, cases, load, request_of

pytestmark = pytest.mark.needs("vectors")


def message_of(case: Case) -> Message:
    """The vector's message, with its signature where the file keeps that beside it."""
    message = case["message"]
    names = {name.lower() for name, _ in message["headers"]}
    if "signature-input" not in names:
        label = case["label"]
        message = message | {
            "headers": [
                *message["headers"],
                ["Signature-Input", f"{label}={case['signature_input']}"],
                ["Signature", f"{label}=:{case['signature']}:"],
            ]
        }
    if "status" in message:
        related = request_of(case.get("related_request") or case_without_request())
        return SignedResponse(message["status"], headers_of(message["headers"]), related)
    return request_of(message)


def case_without_request() -> dict[str, Any]:
    """Some request, for a response that is bound to none."""
    return {"method": "GET", "target": "/", "headers": [["Host", "example.com"]], "body": None}


def headers_of(pairs: list[list[str]]) -> Headers:
    return tuple((name, value) for name, value in pairs)


def key_of(case: Case) -> PublicKey | bytes:
    key = load("rfc9421.json")["keys"][case["key"]]
    if "secret_base64" in key:
        return b64decode(key["secret_base64"])
    return public_key_from_pem(key["public_pem"])


def one_signature(case: Case) -> tuple[Message, MessageSignature]:
    message = message_of(case)
    (signature,) = parse(message)
    return message, signature


def test_every_published_signature_verifies_or_fails_as_its_file_says() -> None:
    outcomes = []
    for case in cases("rfc9421.json"):
        message, signature = one_signature(case)
        expected = case["expect"]["signature"]
        if expected == "valid":
            rfc9421.verify(message, signature, key_of(case), Algorithm(case["algorithm"]))
        else:
            with pytest.raises(SignatureError, match="signature_invalid"):
                rfc9421.verify(message, signature, key_of(case), Algorithm(case["algorithm"]))
        outcomes.append(expected)
    assert outcomes.count("valid") == 12
    assert outcomes.count("invalid") == 1


def test_every_published_base_is_built_again_from_its_message() -> None:
    different = []
    for case in cases("rfc9421.json"):
        message, signature = one_signature(case)
        assert signature.serialized_parameters == case["signature_input"]
        if signature.base(message).decode() != case["signature_base"]:
            different.append(case["id"])
    assert different == ["rfc9421-b4-method-and-authority-changed"]


def test_signatures_that_are_not_random_are_made_again_to_the_byte() -> None:
    made = 0
    for case in cases("rfc9421.json"):
        if case["algorithm"] not in ("ed25519", "hmac-sha256") or case["expect"]["signature"] != "valid":
            continue
        key = load("rfc9421.json")["keys"][case["key"]]
        private = (
            b64decode(key["secret_base64"])
            if "secret_base64" in key
            else private_key_from_vault(b64decode(key["private_pkcs8_der_base64"]))
        )
        signature = sign_bytes(Algorithm(case["algorithm"]), private, case["signature_base"].encode())
        assert signature == b64decode(case["signature"]), case["id"]
        made += 1
    assert made == 5


def test_published_digests_fit_their_bodies() -> None:
    checked = 0
    for case in cases("rfc9421.json"):
        if case["checked"]["content_digest_matches_body"]:
            message = message_of(case)
            check_content_digest(message.fields["content-digest"][0], case["message"]["body"].encode())
            checked += 1
    assert checked == 9


def test_an_inbox_refuses_the_rfcs_requests_which_sign_parts_of_the_address_only() -> None:
    reasons = []
    for case in cases("rfc9421.json"):
        message = message_of(case)
        if isinstance(message, SignedRequest):
            found = read_claim(message, float(parse(message)[0].created or 0))
            assert isinstance(found, Rejected)
            reasons.append(found.reason)
    assert set(reasons) == {Reason.METHOD_NOT_SIGNED, Reason.TARGET_NOT_SIGNED, Reason.COMPONENT_UNSUPPORTED}


def test_an_inbox_takes_a_request_signed_by_a_published_key() -> None:
    key = load("rfc9421.json")["keys"]["test-key-ed25519"]
    private = private_key_from_vault(b64decode(key["private_pkcs8_der_base64"]))
    request = SignedRequest("GET", "/actor", "example.com", (("Host", "example.com"),))
    names = rfc9421.sign(request, private, "test-key-ed25519", ["@method", "@target-uri"], created=1618884473)
    headers = (("Signature-Input", names[0]), ("Signature", names[1]))
    claim = read_claim(SignedRequest("GET", "/actor", "example.com", headers), 1618884473.0)
    assert isinstance(claim, Claim)
    assert isinstance(check(claim, public_key_from_pem(key["public_pem"]), 1618884473.0), Verified)


# ---- lines of the base ----------------------------------------------------------------------

# What the text of these vectors does not say: the address as the server knows it.
SCHEMES = {"2.2.4-scheme": "http"}
EXAMPLE_KINDS = {"example-dict": "dictionary"}


def component_message(vector: Case) -> Message:
    lines = vector["message_text"].split("\n")
    first = lines[0].split(" ")
    start = 1 if lines[0].endswith("HTTP/1.1") or lines[0].startswith("HTTP/1.1 ") else 0
    head = lines[start : lines.index("", start)]
    trailers = [line for line in lines[start + len(head) + 1 :] if ": " in line]
    headers = fields_of(head)
    if lines[0].startswith("HTTP/1.1 "):
        return SignedResponse(
            int(first[1]), headers, request_of(case_without_request()), trailers=fields_of(trailers)
        )
    method, target = (first[0], first[1]) if start else ("GET", "/")
    return SignedRequest(
        method, target, "www.example.com", headers, scheme=SCHEMES.get(vector["id"], "https")
    )


def fields_of(lines: list[str]) -> Headers:
    """Field lines, a folded one with its fold."""
    headers: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith(" "):
            name, value = headers.pop()
            headers.append((name, f"{value}\r\n{line}"))
        else:
            name, _, value = line.partition(":")
            headers.append((name, value))
    return tuple(headers)


@pytest.mark.parametrize("number", range(15))
def test_every_published_component_line_is_built_from_its_message(number: int) -> None:
    vector = load("rfc9421.json")["component_vectors"][number]
    message = component_message(vector)
    for line in vector["base_lines"]:
        identifier = line[: identifier_end(line)]
        ((components, _),) = parse_dictionary(f"sig=({identifier})").values()
        assert isinstance(components, list)
        base = signature_base(message, components, "()", {**FIELD_KINDS, **EXAMPLE_KINDS})
        assert base.decode().split("\n") == [line, '"@signature-params": ()']


def identifier_end(line: str) -> int:
    """Where the identifier of a line ends: at the first `: ` outside its strings."""
    quoted = False
    for position, letter in enumerate(line):
        if letter == '"':
            quoted = not quoted
        elif letter == ":" and not quoted:
            return position
    raise AssertionError(line)


def test_there_are_as_many_component_lines_as_are_run() -> None:
    assert len(load("rfc9421.json")["component_vectors"]) == 15

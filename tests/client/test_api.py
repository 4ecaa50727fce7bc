"""Calls over HTTP: proofs, nonces, problems, and answers that are none."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest

from client.api import MAX_ANSWER, Api, is_loopback
from client.directory import pages, published
from client.faults import ApiError, Fault, NoAnswer
from client.protocol.encoding import b64url
from tests.client.pair import device_key, identity

ORIGIN = "https://example.org"
NOW = 1_800_000_000.0

Handler = Callable[[httpx.Request], httpx.Response]


def _api(handler: Handler) -> Api:
    return Api(ORIGIN, device_key("api"), transport=httpx.MockTransport(handler), clock=lambda: NOW)


def _problem(status: int, code: str, **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    body = {"type": "about:blank", "title": "A title", "status": status, "code": code, **more}
    return httpx.Response(status, json=body, headers={"Content-Type": "application/problem+json", **headers})


def _claims(request: httpx.Request) -> dict[str, Any]:
    key = device_key("api").public_key()
    claims: dict[str, Any] = jwt.decode(
        request.headers["DPoP"], key, algorithms=["EdDSA"], options={"verify_iat": False}
    )
    return claims


def test_a_second_refusal_of_the_nonce_is_not_answered_by_a_third_try() -> None:
    seen: list[httpx.Request] = []

    def server(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return _problem(401, "use_dpop_nonce", headers={"DPoP-Nonce": f"nonce {len(seen)}"})

    with pytest.raises(ApiError) as refused:
        _api(server).post("sessions", {})
    assert refused.value.code == "use_dpop_nonce"
    assert [_claims(request).get("nonce") for request in seen] == [None, "nonce 1"]


@pytest.mark.parametrize("told", [ORIGIN, "no origin", None, 7])
def test_a_proof_that_is_refused_for_its_address_stays_refused_where_no_other_is_known(told: object) -> None:
    def server(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/instance"):
            return httpx.Response(200, json={"origin": told})
        return _problem(401, "invalid_dpop_proof", detail="htu is another address")

    with pytest.raises(ApiError) as refused:
        _api(server).post("sessions", {})
    assert refused.value.code == "invalid_dpop_proof"


def test_a_server_of_another_name_is_named_and_the_proof_is_not_made_for_it() -> None:
    seen: list[httpx.Request] = []

    def server(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path.endswith("/instance"):
            return httpx.Response(200, json={"origin": "https://other.example"})
        return _problem(401, "invalid_dpop_proof", detail="htu is another address")

    with pytest.raises(Fault, match=r"calls itself https://other\.example; use --origin https://other\.ex"):
        _api(server).post("sessions", {})
    assert [request.url.host for request in seen] == ["example.org", "example.org"]
    assert "DPoP" not in seen[1].headers


def test_the_nonce_of_each_answer_goes_into_the_next_proof_and_no_proof_is_used_twice() -> None:
    seen: list[httpx.Request] = []

    def server(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={}, headers={"DPoP-Nonce": f"nonce {len(seen)}"})

    api = _api(server)
    for _ in range(3):
        api.post("sessions", {})
    assert [_claims(request).get("nonce") for request in seen] == [None, "nonce 1", "nonce 2"]
    assert len({_claims(request)["jti"] for request in seen}) == 3


def test_a_proof_names_method_address_time_and_key_and_not_the_query() -> None:
    def server(request: httpx.Request) -> httpx.Response:
        claims = _claims(request)
        assert (claims["htm"], claims["htu"]) == ("POST", f"{ORIGIN}/api/hvx/v1/sessions/logout")
        assert claims["iat"] == int(NOW)
        assert "ath" not in claims
        header = jwt.get_unverified_header(request.headers["DPoP"])
        public = device_key("api").public_key().public_bytes_raw()
        assert header == {
            "typ": "dpop+jwt",
            "alg": "EdDSA",
            "jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64url(public)},
        }
        return httpx.Response(204)

    assert _api(server).post("sessions/logout", {}, params={"key_backed_up": "true"}) is None


def test_a_token_is_sent_bound_to_a_proof_and_never_without_one() -> None:
    def server(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "DPoP a.planted.token"
        assert _claims(request)["ath"] == b64url(hashlib.sha256(b"a.planted.token").digest())
        return httpx.Response(200, json=[])

    api = _api(server)
    api.token = "a.planted.token"
    assert api.get("devices") == []


def test_what_is_public_is_asked_for_by_nobody_in_particular() -> None:
    def server(request: httpx.Request) -> httpx.Response:
        assert "Authorization" not in request.headers
        assert "DPoP" not in request.headers
        return httpx.Response(200, json={})

    api = _api(server)
    api.token = "a.planted.token"
    assert api.get("accounts/alice", public=True) == {}


def test_a_problem_becomes_an_error_whose_text_cannot_play_with_the_terminal() -> None:
    def server(request: httpx.Request) -> httpx.Response:
        return _problem(
            422,
            "invalid_fields",
            detail="Bad\x1b[2J\u202e things\n",
            errors={"username": ["Too \x07long."]},
            headers={"Retry-After": "7"},
        )

    with pytest.raises(ApiError) as refused:
        _api(server).post("accounts", {})
    error = refused.value
    assert (error.status, error.code, error.retry_after) == (422, "invalid_fields", "7")
    assert "username: Too" in error.detail
    assert error.detail.isprintable()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, text="<html>Bad gateway</html>"),
        httpx.Response(200, text="<html>Welcome</html>"),
        httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
        httpx.Response(400, json=["a list"]),
        httpx.Response(400, json={"code": 7}),
        httpx.Response(200, content=b" " * (MAX_ANSWER + 1)),
    ],
    ids=["gateway", "page", "redirect", "list", "number", "huge"],
)
def test_an_answer_that_is_not_of_the_protocol_is_none(answer: httpx.Response) -> None:
    with pytest.raises(NoAnswer):
        _api(lambda request: answer).get("devices", public=True)


def test_a_server_that_cannot_be_reached_is_told_apart() -> None:
    def server(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(NoAnswer, match=r"example\.org does not answer"):
        _api(server).get("devices", public=True)


def test_a_list_is_read_page_by_page_and_one_without_end_is_given_up() -> None:
    def server(request: httpx.Request) -> httpx.Response:
        cursor = request.url.params.get("cursor")
        following = {None: "second", "second": f"{ORIGIN}/x?cursor=third&limit=2", "third": None}[cursor]
        return httpx.Response(200, json={"results": [cursor], "next": following, "previous": None})

    assert list(pages(_api(server), "devices", public=True)) == [None, "second", "third"]

    def endless(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"results": [], "next": "again"})

    with pytest.raises(NoAnswer, match="does not end"):
        list(pages(_api(endless), "devices", public=True))


def _published(device: dict[str, Any] | None = None, **account: Any) -> Handler:
    who = identity("published")
    row = {
        "device": who.device,
        "device_key": b64url(who.public_key),
        "challenge": b64url(who.challenge),
        "certificate": "signed",
        "revocation": None,
        "ended": None,
        **(device or {}),
    }
    told = {"fingerprint": "AB" * 20, "public_key": "armored", "transitions": [], **account}

    def server(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/devices"):
            return httpx.Response(200, json={"results": [row], "next": None})
        return httpx.Response(200, json=told)

    return server


@pytest.mark.parametrize(
    "server",
    [
        _published({"device": "short"}),
        _published({"device_key": None}),
        _published({"challenge": "AA"}),
        _published({"certificate": 7}),
        _published(fingerprint="ab" * 20),
        _published(public_key=None),
        _published(transitions=[{"key": "AB" * 20}]),
        _published(transitions="none"),
    ],
)
def test_a_published_account_of_another_shape_is_not_read(server: Handler) -> None:
    with pytest.raises(NoAnswer):
        published(_api(server), "alice")


def test_a_published_account_is_read_into_values() -> None:
    told = published(_api(_published()), "alice")
    assert told.fingerprint == "AB" * 20
    [device] = told.devices.values()
    assert device.device_key == identity("published").public_key
    assert device.revocation_challenge is None


def test_loopback_is_this_machine_alone() -> None:
    assert is_loopback("http://localhost:8000")
    assert is_loopback("http://127.0.0.1")
    assert not is_loopback("https://localhost.example.org")
    assert not is_loopback("https://example.org")


def test_an_origin_that_is_none_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="origin"):
        Api("https://example.org/path")


def test_bodies_are_json() -> None:
    def server(request: httpx.Request) -> httpx.Response:
        assert request.headers["Content-Type"] == "application/json"
        assert json.loads(request.content) == {"name": "phöne"}
        return httpx.Response(200, json={})

    assert _api(server).post("devices", {"name": "phöne"}) == {}

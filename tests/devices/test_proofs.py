"""Proofs of possession at the native calls: nonces, replays, whose key, and bound tokens."""

import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.cache import cache

from devices import nonces
from devices.protocol import dpop
from tests.people import API, DjangoWire, Handset, Person, claims_of, make_proof, thumbprint

# What asks for a proof besides a token, with a body that is refused only later.
PROVEN_CALLS = [
    ("POST", "challenges", {"purpose": "key"}),
    ("POST", "sessions/activate", {"certificate": "x"}),
    ("POST", "sessions/logout", {}),
    ("POST", "devices/{device}/revoke", {}),
    ("POST", "me/password", {"password": "x", "new_password": "y"}),
    ("POST", "me/key", {}),
]
PROOF_ALONE_CALLS = [
    ("POST", "challenges", {"purpose": "register", "username": "somebody"}),
    ("POST", "accounts", {}),
    ("POST", "sessions", {}),
    ("POST", "sessions/refresh", {}),
]


def _path(call: str, handset: Handset) -> str:
    return call.replace("{device}", handset.hash)


@pytest.mark.parametrize(("method", "call", "body"), PROVEN_CALLS + PROOF_ALONE_CALLS)
def test_a_call_that_needs_a_proof_is_refused_without_one(
    person: Person, method: str, call: str, body: object
) -> None:
    answer = person.handset.call(method, _path(call, person.handset), body, proof=False)
    assert answer.refusal == (401, "invalid_dpop_proof")
    assert answer.headers["www-authenticate"] == 'DPoP error="invalid_dpop_proof"'


@pytest.mark.parametrize(("method", "call", "body"), PROVEN_CALLS)
def test_a_proof_by_another_key_than_the_tokens_is_refused(
    person: Person, method: str, call: str, body: object
) -> None:
    mine, stranger = person.handset, Person(person.wire).handset
    stranger.nonce = mine.nonce
    path = _path(call, mine)
    answer = mine.call(method, path, body, proof=stranger.proof(method, path))
    assert answer.refusal == (401, "invalid_dpop_proof")


def test_a_proof_for_another_call_is_refused(person: Person) -> None:
    handset = person.handset
    elsewhere = handset.proof("POST", "sessions")
    assert handset.call("POST", "sessions/refresh", {}, proof=elsewhere).refusal == (
        401,
        "invalid_dpop_proof",
    )


def test_a_token_is_no_proof_and_a_proof_is_no_token(person: Person) -> None:
    handset = person.handset
    assert handset.call("POST", "sessions/refresh", {}, proof=handset.token).refusal == (
        401,
        "invalid_dpop_proof",
    )
    for scheme in ("Bearer", "DPoP"):
        shown = f"{scheme} {handset.proof('GET', 'me')}"
        assert handset.call("GET", "me", authorization=shown).refusal == (401, "invalid_token")


# --- Nonces ---------------------------------------------------------------------------------------


def _refresh_with_nonce(handset: Handset, nonce: str | None) -> tuple[int, str, dict[str, str]]:
    answer = handset.call(
        "POST", "sessions/refresh", {}, proof=handset.proof("POST", "sessions/refresh", nonce=nonce)
    )
    return answer.status, answer.code if answer.status != 200 else "", dict(answer.headers)


def test_a_missing_stale_or_forged_nonce_is_asked_for_again(person: Person) -> None:
    stale = dpop.make_nonce(nonces._key(), int(time.time()) - 62)
    of_tomorrow = dpop.make_nonce(nonces._key(), int(time.time()) + 3600)
    forged = dpop.make_nonce(bytes(32), int(time.time()))
    for nonce in (None, stale, of_tomorrow, forged, "", "x"):
        status, code, headers = _refresh_with_nonce(person.handset, nonce)
        assert (status, code) == (401, "use_dpop_nonce")
        assert headers["www-authenticate"] == 'DPoP error="use_dpop_nonce"'
        assert _refresh_with_nonce(person.handset, headers["dpop-nonce"])[0] == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "instance"), ("GET", "nothing/here"), ("GET", "me"), ("POST", "sessions"), ("OPTIONS", "me")],
)
def test_every_answer_brings_the_next_nonce(person: Person, method: str, path: str) -> None:
    answer = person.wire.request(method, API + path, headers={}, body=None)
    assert nonces.is_fresh(answer.headers["dpop-nonce"])


def test_one_nonce_serves_for_several_proofs(person: Person) -> None:
    nonce = nonces.current()
    assert [_refresh_with_nonce(person.handset, nonce)[0] for _ in range(3)] == [200, 200, 200]


def test_whoever_forgets_the_used_proofs_refuses_every_older_nonce_and_hands_out_one_that_holds(
    person: Person,
) -> None:
    nonce = nonces.current()
    cache.clear()  # a restart, or a flushed Redis
    status, code, headers = _refresh_with_nonce(person.handset, nonce)
    assert (status, code) == (401, "use_dpop_nonce")
    assert headers["dpop-nonce"] != nonce
    assert _refresh_with_nonce(person.handset, headers["dpop-nonce"])[0] == 200


# --- Replays --------------------------------------------------------------------------------------


def test_a_proof_is_taken_once(person: Person) -> None:
    handset = person.handset
    handset.call("GET", "instance")
    proof = handset.proof("POST", "sessions/refresh")
    handset.call("POST", "sessions/refresh", {}, proof=proof).expect(200)
    assert handset.call("POST", "sessions/refresh", {}, proof=proof).refusal == (401, "invalid_dpop_proof")


def test_a_jti_is_used_up_for_its_key_alone(person: Person) -> None:
    one, other = person.handset, person.certified_handset()
    nonce = nonces.current()
    for handset, expected in ((one, 200), (other, 200), (one, 401)):
        proof = handset.proof("POST", "sessions/refresh", jti="the-same", nonce=nonce)
        assert handset.call("POST", "sessions/refresh", {}, proof=proof).status == expected


def test_a_proof_that_was_refused_for_its_nonce_is_not_remembered(person: Person) -> None:
    handset = person.handset
    refused = handset.proof("POST", "sessions/refresh", jti="again", nonce="stale")
    assert handset.call("POST", "sessions/refresh", {}, proof=refused).code == "use_dpop_nonce"
    again = handset.proof("POST", "sessions/refresh", jti="again")
    handset.call("POST", "sessions/refresh", {}, proof=again).expect(200)


def test_a_used_proof_is_remembered_for_as_long_as_its_nonce_may_be_shown() -> None:
    longest = dpop.NONCE_SECONDS + 2 * dpop.NONCE_SKEW_SECONDS
    assert longest <= nonces._MEMORY_SECONDS


# --- Calls that go by the proof alone -------------------------------------------------------------


def test_calls_that_go_by_the_proof_alone_ignore_authorization(person: Person) -> None:
    handset = person.handset
    for shown in ("Bearer nonsense", f"Bearer {Person(person.wire).username}", "Basic YTpi", ""):
        headers = {"Authorization": shown}
        handset.call("POST", "sessions/refresh", {}, headers=headers).expect(200)
        challenge = {"purpose": "register", "username": "somebody_else"}
        fresh = Person(person.wire).handset
        fresh.call("POST", "challenges", challenge, headers=headers).expect(200)


# --- Bound tokens ---------------------------------------------------------------------------------


@pytest.fixture
def bound(wire: DjangoWire) -> Person:
    """Somebody whose token is bound to the device key."""
    somebody = Person(wire)
    somebody.register(token_type="DPoP").expect(201)
    return somebody


def test_a_bound_token_is_refused_without_a_proof(bound: Person) -> None:
    assert bound.handset.call("GET", "me", proof=False).refusal == (401, "invalid_dpop_proof")


def test_a_bound_token_is_refused_as_a_bearer_token(bound: Person) -> None:
    token = bound.handset.token
    for proof in (True, False):
        answer = bound.handset.call("GET", "me", authorization=f"Bearer {token}", proof=proof)
        assert answer.refusal == (401, "invalid_token")


def test_a_bearer_token_is_refused_as_a_bound_one(person: Person) -> None:
    answer = person.handset.call("GET", "me", authorization=f"DPoP {person.handset.token}", proof=True)
    assert answer.refusal == (401, "invalid_token")


def test_a_bound_tokens_proof_needs_its_ath(bound: Person) -> None:
    handset = bound.handset
    other = handset.refresh(token_type="DPoP").json["access_token"]
    handset.refresh(token_type="DPoP")
    for token in (None, other, "x"):
        proof = handset.proof("GET", "me", token=token)
        assert handset.call("GET", "me", proof=proof).refusal == (401, "invalid_dpop_proof")


def test_a_bound_token_of_anothers_is_of_no_use(bound: Person) -> None:
    thief = Ed25519PrivateKey.generate()
    token = bound.handset.token
    proof = make_proof(thief, "GET", bound.wire.origin + API + "me", nonce=bound.handset.nonce, token=token)
    assert bound.handset.call("GET", "me", proof=proof).refusal == (401, "invalid_dpop_proof")


def test_every_use_of_a_bound_token_needs_a_proof_of_its_own(bound: Person) -> None:
    handset = bound.handset
    proof = handset.proof("GET", "me", token=handset.token)
    handset.call("GET", "me", proof=proof).expect(200)
    assert handset.call("GET", "me", proof=proof).refusal == (401, "invalid_dpop_proof")


def test_a_bound_token_says_whose_key_it_is_bound_to(bound: Person) -> None:
    assert claims_of(bound.handset.token)["cnf"] == {"jkt": thumbprint(bound.handset.public)}


def test_each_of_the_four_calls_binds_its_token_when_asked_and_only_then(
    wire: DjangoWire,
) -> None:
    for asked, given in ((None, "Bearer"), ("Bearer", "Bearer"), ("DPoP", "DPoP")):
        members = {} if asked is None else {"token_type": asked}
        somebody = Person(wire)
        answers = [somebody.register(**members), somebody.handset.refresh(**members)]
        second = somebody.new_handset()
        answers += [second.log_in(**members), second.activate(**members)]
        for answer in answers:
            assert answer.json["token_type"] == given
            assert ("cnf" in claims_of(answer.json["access_token"])) == (given == "DPoP")
        second.call("GET", "me").expect(200)


def test_another_token_type_is_refused(person: Person) -> None:
    for wrong in ("bearer", "MAC", "", None, 7, ["DPoP"]):
        answer = person.handset.call("POST", "sessions/refresh", {"token_type": wrong})
        assert answer.refusal == (422, "invalid_fields")
        assert "token_type" in answer.json["errors"]

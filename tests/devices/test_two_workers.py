"""What one process learns, every other goes by: used proofs, spent challenges, revocations, keys.

A server of two workers, and beside it a second server on the same database and Redis, so that a test
can choose who is asked.
"""

import shutil
import time
from collections.abc import Iterator

import jwt
import pytest

from tests.live import LiveServer
from tests.openpgp import make_key
from tests.people import Answer, Handset, LiveWire, Person

pytestmark = pytest.mark.needs("redis", "postgres")


class Both:
    """Two servers that are one. `here` and `there` lead to different processes."""

    def __init__(self, one: LiveServer, other: LiveServer) -> None:
        self.one = one
        self.here = LiveWire(one.url, one.origin)
        self.there = LiveWire(other.url, one.origin)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("two")
    with LiveServer(folder, cluster=True, env={"HVX_WORKERS": "2"}) as one:
        shared = {name: one.env[name] for name in ("HVX_DATABASE_URL", "HVX_REDIS_URL", "HVX_ORIGIN")}
        # A data folder serves one server: the other has one of its own with the same root key, as
        # another machine would.
        own = folder / "other" / "data"
        own.mkdir(mode=0o700, parents=True)
        for name in ("root.key", "vault.json"):
            shutil.copy2(one.data_dir / name, own / name)
        with LiveServer(folder / "other", env=shared, cluster=False) as other:
            servers = Both(one, other)
            yield servers
            servers.here.close()
            servers.there.close()


@pytest.fixture
def alice(both: Both) -> Person:
    person = Person(both.here)
    person.register().expect(201)
    return person


def elsewhere(both: Both, handset: Handset) -> Handset:
    """The same device, speaking to the other server."""
    copy = handset.person.new_handset(key=handset.key)
    copy.wire, copy.token, copy.token_type = both.there, handset.token, handset.token_type
    copy.hash, copy.challenge, copy.nonce = handset.hash, handset.challenge, handset.nonce
    return copy


def test_a_proof_that_one_process_took_is_refused_by_every_other(both: Both, alice: Person) -> None:
    handset = alice.handset
    for number in range(4):
        proof = handset.proof("POST", "sessions/refresh")
        handset.call("POST", "sessions/refresh", {}, proof=proof).expect(200)
        again = [
            elsewhere(both, handset).call("POST", "sessions/refresh", {}, proof=proof),
            # A connection of its own, which the kernel gives to either worker.
            _on_a_new_connection(both, handset, proof),
        ]
        assert [answer.refusal for answer in again] == [(401, "invalid_dpop_proof")] * 2, number


def _on_a_new_connection(both: Both, handset: Handset, proof: str) -> Answer:
    wire = LiveWire(both.one.url)
    try:
        headers = {"DPoP": proof, "Content-Type": "application/json"}
        return wire.request("POST", "/api/hvx/v1/sessions/refresh", headers=headers, body=b"{}")
    finally:
        wire.close()


def test_a_nonce_of_one_process_serves_at_every_other(both: Both, alice: Person) -> None:
    handset = elsewhere(both, alice.handset)
    proof = handset.proof("POST", "sessions/refresh", nonce=alice.handset.nonce)
    handset.call("POST", "sessions/refresh", {}, proof=proof).expect(200)


def test_a_challenge_of_one_process_is_spent_at_another_once(both: Both, alice: Person) -> None:
    phone = alice.certified_handset()
    body = alice.handset.revocation(phone)
    path = f"devices/{phone.hash}/revoke"
    elsewhere(both, alice.handset).call("POST", path, body).expect(200)
    assert alice.handset.call("POST", path, body).refusal == (422, "challenge_invalid")


def let_in_for(handset: Handset) -> float:
    """For how many seconds from now this device's calls are still let in; asks without a pause."""
    began = last = time.monotonic()
    while last - began < 5:
        asked = time.monotonic()
        if handset.call("GET", "me").status != 200:
            return last - began
        last = asked
    raise AssertionError("still let in after five seconds")


def test_a_revocation_is_in_force_everywhere_within_a_second(both: Both, alice: Person) -> None:
    for _ in range(3):
        phone = alice.certified_handset()
        there = elsewhere(both, phone)
        body = alice.handset.revocation(phone)
        # The other process has just read that the device is active.
        there.call("GET", "me").expect(200)
        alice.handset.call("POST", f"devices/{phone.hash}/revoke", body).expect(200)
        assert let_in_for(there) < 1.0
        assert there.call("GET", "me").refusal == (401, "device_revoked")
        # From then on by every worker, on connections that either of them may take.
        for _ in range(6):
            wire = LiveWire(both.one.url)
            headers = {"Authorization": f"Bearer {phone.token}"}
            answer = wire.request("GET", "/api/hvx/v1/me", headers=headers, body=None)
            wire.close()
            assert answer.refusal == (401, "device_revoked")


def test_a_change_of_the_key_is_in_force_everywhere_within_a_second(both: Both, alice: Person) -> None:
    phone, new = alice.certified_handset(), make_key()
    there = elsewhere(both, phone)
    there.call("GET", "me").expect(200)
    challenge = alice.handset.ask_challenge("key").expect(200).json["challenge"]
    body = {
        "password": alice.password,
        "public_key": new.public,
        "challenge": challenge,
        "transition": alice.transition(new, challenge),
        "devices": [{"device": alice.handset.hash, "certificate": alice.handset.certificate(key=new)}],
    }
    alice.handset.call("POST", "me/key", body).expect(200)
    assert let_in_for(there) < 1.0
    assert there.call("GET", "me").refusal == (403, "device_pending")


def test_after_a_rotation_new_tokens_are_good_everywhere_at_once(both: Both, alice: Person) -> None:
    older = alice.handset.token
    elsewhere(both, alice.handset).call("GET", "me").expect(200)
    both.one.manage("rotate_token_key")
    # Each process signs by the new key as soon as it has read the keys again.
    deadline = time.monotonic() + 15
    while _kid(alice.handset.refresh().json["access_token"]) == _kid(older):
        assert time.monotonic() < deadline
    elsewhere(both, alice.handset).call("GET", "me").expect(200)
    elsewhere(both, alice.handset).call("GET", "me", token=older).expect(200)


def test_a_withdrawn_key_takes_its_tokens_with_it_everywhere_within_seconds(
    both: Both, alice: Person
) -> None:
    older, there = alice.handset.token, elsewhere(both, alice.handset)
    for handset in (alice.handset, there):
        handset.call("GET", "me").expect(200)
    both.one.manage("rotate_token_key", "--withdraw")
    withdrawn = time.monotonic()
    for handset in (alice.handset, there):
        while handset.call("GET", "me", token=older).status == 200:
            assert time.monotonic() - withdrawn < 10
        assert handset.call("GET", "me", token=older).refusal == (401, "invalid_token")
    deadline = time.monotonic() + 15
    while there.call("GET", "me", token=alice.handset.refresh().json["access_token"]).status != 200:
        assert time.monotonic() < deadline


def _kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_wrong_passwords_are_counted_by_all_processes_together(both: Both, alice: Person) -> None:
    for count in range(10):
        stranger = alice.new_handset()
        stranger.wire = both.here if count % 2 else both.there
        assert stranger.log_in(password="not the password").refusal == (401, "invalid_credentials")
    for wire in (both.here, both.there):
        stranger = alice.new_handset()
        stranger.wire = wire
        assert stranger.log_in().refusal == (429, "rate_limited")
    # Not so the device that is known, in the same network.
    alice.handset.log_in().expect(200)
    elsewhere(both, alice.handset).log_in().expect(200)

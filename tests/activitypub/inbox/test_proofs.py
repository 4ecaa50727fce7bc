"""Activities that say by a proof of their own who wrote them (FEP-8b32), whoever brings them."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from activitypub.inbox.application import MOST_PROVEN
from activitypub.inbox.authentication import PROOF_SECONDS, Authenticated, authenticate_document
from activitypub.inbox.synchronising import signed_header
from activitypub.models import HostPolicy, Received, Severity
from activitypub.protocol.signatures.integrity_proofs import with_proof
from activitypub.protocol.signatures.keys import multikey
from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.services.forgetting import KNOWN_FOR
from hvx.inboxes import Inboxes
from tests.activitypub.fetching.peer import status
from tests.activitypub.inbox.forging import World, require_refusals, with_header
from tests.activitypub.senders import Sender, ask, ed25519_key, unsigned_post

HOUR = 3600.0


def method(sender: Sender) -> str:
    return f"{sender.uri}#ed25519-key"


def host_of(sender: Sender) -> str:
    return f"127.0.0.1:{sender.peer.port}"


def with_ed25519(sender: Sender, key: str = "") -> Sender:
    """The sender, with an Ed25519 key of its own, or of this name, beside the RSA one."""
    public = ed25519_key(key or sender.name).public_key()
    multi = {
        "id": method(sender),
        "type": "Multikey",
        "controller": sender.uri,
        "publicKeyMultibase": multikey(public),
    }
    return sender.publish(assertionMethod=[multi])


def proven(
    sender: Sender, activity: dict[str, Any] | None = None, *, age: float = 0.0, key: str = ""
) -> dict[str, Any]:
    """An activity with the sender's proof, of so many seconds ago."""
    made = sender.activity() if activity is None else activity
    return with_proof(made, ed25519_key(key or sender.name), method(sender), time.time() - age)


@pytest.fixture
def proving(world: World) -> World:
    for sender in (world.bob, world.eve, world.mallory):
        with_ed25519(sender)
    return world


@sync_to_async
def kept() -> list[str]:
    return list(Received.objects.order_by("pk").values_list("actor", flat=True))


async def test_what_is_proven_needs_no_signature_of_the_request(inboxes: Inboxes, proving: World) -> None:
    assert (await ask(inboxes, unsigned_post(proven(proving.bob)))).status == 202
    assert await kept() == [proving.bob.uri]


async def test_what_another_server_passes_on_is_its_authors_and_not_theirs(
    inboxes: Inboxes, proving: World
) -> None:
    assert (await ask(inboxes, proving.mallory.post(proven(proving.bob)))).status == 202
    assert await kept() == [proving.bob.uri]


async def test_the_same_by_proof_and_by_signature_is_one(inboxes: Inboxes, proving: World) -> None:
    activity = proven(proving.bob)
    for request in (unsigned_post(activity), proving.mallory.post(activity), proving.bob.post(activity)):
        assert (await ask(inboxes, request)).status == 202
    assert await kept() == [proving.bob.uri]


async def test_a_key_that_was_replaced_under_its_name_is_fetched_anew(
    inboxes: Inboxes, proving: World
) -> None:
    assert (await ask(inboxes, unsigned_post(proven(proving.bob)))).status == 202
    with_ed25519(proving.bob, "bob's second")
    assert (await ask(inboxes, unsigned_post(proven(proving.bob, key="bob's second")))).status == 202
    assert (await ask(inboxes, unsigned_post(proven(proving.bob)))).status == 401


async def test_while_the_host_of_its_key_is_down_it_is_to_come_again(
    inboxes: Inboxes, proving: World
) -> None:
    activity = proven(proving.bob)
    proving.near.answers["/users/bob"] = status("503 Service Unavailable")
    assert (await ask(inboxes, unsigned_post(activity))).status == 503
    assert await kept() == []


async def test_of_a_suspended_host_nothing_is_taken_whoever_brings_it(
    inboxes: Inboxes, proving: World
) -> None:
    await HostPolicy.objects.acreate(host=host_of(proving.bob), severity=Severity.SUSPEND)
    for request in (unsigned_post(proven(proving.bob)), proving.mallory.post(proven(proving.bob))):
        assert (await ask(inboxes, request)).status in (401, 403)
    assert await kept() == []


async def test_what_a_suspended_host_brings_is_not_taken_whoever_wrote_it(
    inboxes: Inboxes, proving: World
) -> None:
    await HostPolicy.objects.acreate(host=host_of(proving.mallory), severity=Severity.SUSPEND)
    answer = await ask(inboxes, proving.mallory.post(proven(proving.bob)))
    assert (answer.status, answer.problem["code"]) == (403, "host_suspended")
    assert await kept() == []


async def test_a_host_that_is_suspended_once_its_key_is_known_is_shut_out_all_the_same(
    inboxes: Inboxes, proving: World
) -> None:
    assert (await ask(inboxes, unsigned_post(proven(proving.bob)))).status == 202
    await HostPolicy.objects.acreate(host=host_of(proving.bob), severity=Severity.SUSPEND)
    assert (await ask(inboxes, unsigned_post(proven(proving.bob)))).status == 403
    assert len(await kept()) == 1


async def test_nothing_beside_a_proven_document_counts_as_signed(inboxes: Inboxes, proving: World) -> None:
    document = json.loads(json.dumps(proven(proving.bob)))
    author = await authenticate_document(b"the body", document)
    assert isinstance(author, Authenticated)
    assert signed_header(author) == ""


async def test_no_proof_counts_longer_than_what_came_with_it_is_known() -> None:
    assert KNOWN_FOR.total_seconds() > PROOF_SECONDS + HOUR


def changed(world: World, **members: Any) -> SignedRequest:
    return unsigned_post({**proven(world.bob), **members})


def with_other_proof(world: World, change: Callable[[dict[str, Any]], Any]) -> SignedRequest:
    """Bob's activity, its proof changed after it was made."""
    activity = proven(world.bob)
    return unsigned_post({**activity, "proof": change(activity["proof"])})


def inside(world: World) -> SignedRequest:
    """A proof of what the activity carries, and not of the activity."""
    activity = world.bob.activity()
    return unsigned_post({**activity, "object": proven(world.bob, activity["object"])})


async def test_what_no_proof_holds_for_is_refused(inboxes: Inboxes, proving: World) -> None:
    await require_refusals(
        inboxes,
        proving,
        {
            "another content": (
                lambda w: changed(w, object={**w.bob.activity()["object"], "content": "forged"}),
                (401, "unsigned"),
            ),
            "another type": (lambda w: changed(w, type="Delete"), (401, "unsigned")),
            "another actor": (lambda w: changed(w, actor=w.eve.uri), (401, "unsigned")),
            "one member more": (lambda w: changed(w, cc=[w.eve.uri]), (401, "unsigned")),
            "another context before": (
                lambda w: changed(w, **{"@context": ["https://far.example/ns", *proven(w.bob)["@context"]]}),
                (401, "unsigned"),
            ),
            "changed, and passed on under a good signature": (
                lambda w: w.mallory.post({**proven(w.bob), "type": "Delete"}),
                (401, "actor_is_not_the_signer"),
            ),
            "passed on without a proof": (
                lambda w: w.mallory.post(w.bob.activity()),
                (401, "actor_is_not_the_signer"),
            ),
            "mallory's proof of what bob is to have said": (
                lambda w: unsigned_post(proven(w.mallory, w.bob.activity())),
                (401, "actor_is_not_the_signer"),
            ),
            "mallory's proof under the name of bob's key": (
                lambda w: unsigned_post(proven(w.bob, key="mallory")),
                (401, "unsigned"),
            ),
            "the name of mallory's key in bob's proof": (
                lambda w: with_other_proof(w, lambda p: {**p, "verificationMethod": method(w.mallory)}),
                (401, "unsigned"),
            ),
            "bob's RSA key named": (
                lambda w: with_other_proof(w, lambda p: {**p, "verificationMethod": w.bob.key_id}),
                (401, "unsigned"),
            ),
            "a key that nobody publishes": (
                lambda w: with_other_proof(w, lambda p: {**p, "verificationMethod": "did:key:z6MkMadeUp"}),
                (401, "unsigned"),
            ),
            "a key of this server": (
                lambda w: with_other_proof(
                    w, lambda p: {**p, "verificationMethod": "http://localhost:8000/actor#k"}
                ),
                (401, "unsigned"),
            ),
            "two proofs": (lambda w: with_other_proof(w, lambda p: [p, p]), (401, "unsigned")),
            "no proof at all": (lambda w: with_other_proof(w, lambda p: None), (401, "unsigned")),
            "without the time when it was made": (
                lambda w: with_other_proof(w, lambda p: {k: v for k, v in p.items() if k != "created"}),
                (401, "unsigned"),
            ),
            "too old to be known if it came before": (
                lambda w: unsigned_post(proven(w.bob, age=PROOF_SECONDS + 60)),
                (401, "unsigned"),
            ),
            "of tomorrow": (lambda w: unsigned_post(proven(w.bob, age=-86400)), (401, "unsigned")),
            "for what is carried alone": (inside, (401, "unsigned")),
            "in a body that is too long": (
                lambda w: unsigned_post(json.dumps(proven(w.bob)).encode() + b" " * MOST_PROVEN),
                (401, "unsigned"),
            ),
            "an id of another host": (
                lambda w: unsigned_post(
                    proven(w.bob, {**w.bob.activity(), "id": w.mallory.activity()["id"]})
                ),
                (422, "activity_id_of_another_origin"),
            ),
            "a proof and a header that is broken": (
                lambda w: with_header(changed(w, type="Delete"), "Signature", "broken"),
                (401, "signature_malformed"),
            ),
        },
    )

"""What an inbox takes, and when it says so."""

import asyncio
import hashlib
import json
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async

from accounts.services.erasure import erase_account
from activitypub.models import ActorKey, HostPolicy, Received, RemoteActor, Severity
from activitypub.remote import keys
from activitypub.services import receiving
from hvx.inboxes import Inboxes
from tests.activitypub.fetching.peer import Peer, document, status
from tests.activitypub.senders import Sender, ask, ed25519_key, rsa_key
from tests.people import DjangoWire, Person


@sync_to_async
def rows() -> list[dict[str, Any]]:
    return [dict(row) for row in Received.objects.order_by("id").values()]


@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
async def test_a_signed_activity_is_kept_and_then_answered_with_202(
    inboxes: Inboxes, bob: Sender, scheme: str
) -> None:
    activity = bob.activity()
    request = bob.post(activity, scheme=scheme)
    answer = await ask(inboxes, request)
    assert (answer.status, answer.body) == (202, b"")
    (row,) = await rows()
    assert bytes(row["digest"]) == hashlib.sha256(activity["id"].encode()).digest()
    assert (row["actor"], row["recipient"], row["outcome"]) == (bob.uri, "", "")
    assert bytes(row["body"]) == request.body


async def test_an_activity_for_which_there_was_no_row_is_not_taken_for_a_known_one(
    inboxes: Inboxes, bob: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(receiving, "new_id", lambda: 1)
        assert (await ask(inboxes, bob.post())).status == 202
        second = bob.post()
        assert (await ask(inboxes, second)).status == 500
    assert len(await rows()) == 1
    assert (await ask(inboxes, second)).status == 202
    assert len(await rows()) == 2


async def test_an_ed25519_key_among_several_signs_too(inboxes: Inboxes, bob: Sender) -> None:
    other = Sender(bob.peer, "bob", ed25519_key())
    second = {**other.document()["publicKey"], "id": f"{bob.uri}#second"}
    bob.publish(publicKey=[bob.document()["publicKey"], second])
    assert (await ask(inboxes, other.post(key_id=f"{bob.uri}#second"))).status == 202
    assert (await ask(inboxes, bob.post())).status == 202


async def test_a_key_with_a_document_of_its_own_counts_where_its_owner_names_it(
    inboxes: Inboxes, bob: Sender
) -> None:
    alone = bob.peer.url("/keys/1")
    key = {**bob.document()["publicKey"], "id": alone}
    bob.peer.answers["/keys/1"] = document({"@context": "https://w3id.org/security/v1", **key})
    bob.publish(publicKey=alone)
    assert (await ask(inboxes, bob.post(key_id=alone))).status == 202


async def test_the_actor_is_kept_with_its_keys_and_asked_for_once(inboxes: Inboxes, bob: Sender) -> None:
    for _ in range(3):
        assert (await ask(inboxes, bob.post())).status == 202
    keys.forget()
    assert (await ask(inboxes, bob.post())).status == 202
    assert len(bob.peer.requests) == 1
    actor = await RemoteActor.objects.aget(uri=bob.uri)
    assert (actor.username, actor.inbox) == ("bob", f"{bob.uri}/inbox")
    assert [key.key_id async for key in ActorKey.objects.filter(actor=actor)] == [bob.key_id]


async def test_what_comes_twice_is_kept_once_and_accepted_both_times(inboxes: Inboxes, bob: Sender) -> None:
    activity = bob.activity()
    assert (await ask(inboxes, bob.post(activity))).status == 202
    replayed = bob.post(activity)
    answers = await asyncio.gather(*(ask(inboxes, replayed) for _ in range(5)))
    assert {answer.status for answer in answers} == {202}
    assert len(await rows()) == 1


async def test_many_at_once_are_all_kept_in_the_order_in_which_they_came(
    inboxes: Inboxes, bob: Sender
) -> None:
    await ask(inboxes, bob.post())
    requests = [bob.post() for _ in range(60)]
    answers = await asyncio.gather(*(ask(inboxes, request) for request in requests))
    assert {answer.status for answer in answers} == {202}
    assert [bytes(row["body"]) for row in (await rows())[1:]] == [request.body for request in requests]


async def test_a_body_that_comes_in_parts_is_one_body(inboxes: Inboxes, bob: Sender) -> None:
    request = bob.post()
    parts = [
        {"type": "http.request", "body": request.body[:100], "more_body": True},
        {"type": "http.request", "body": request.body[100:], "more_body": True},
        {"type": "http.request", "body": b"", "more_body": False},
    ]
    assert (await ask(inboxes, request, parts=parts)).status == 202


async def test_who_goes_away_half_way_leaves_nothing(inboxes: Inboxes, bob: Sender) -> None:
    request = bob.post()
    parts = [{"type": "http.request", "body": request.body[:100], "more_body": True}]
    assert (await ask(inboxes, request, parts=parts)).status == 0
    assert await rows() == []


async def test_a_query_may_stand_behind_the_address(inboxes: Inboxes, bob: Sender) -> None:
    assert (await ask(inboxes, bob.post(path="/inbox?from=relay"))).status == 202


# ---- keys that change --------------------------------------------------------------------------------


async def test_a_new_key_under_the_old_name_is_fetched_when_the_old_one_fails(
    inboxes: Inboxes, bob: Sender
) -> None:
    assert (await ask(inboxes, bob.post())).status == 202
    renewed = Sender(bob.peer, "bob", rsa_key("renewed")).publish()
    assert (await ask(inboxes, renewed.post())).status == 202
    old = await ask(inboxes, bob.post())
    assert (old.status, old.problem["reason"]) == (401, "signature_invalid")


async def test_bad_signatures_make_us_ask_once_and_not_each_time(inboxes: Inboxes, bob: Sender) -> None:
    assert (await ask(inboxes, bob.post())).status == 202
    for _ in range(5):
        assert (await ask(inboxes, bob.post(key=rsa_key("mallory")))).status == 401
    assert len(bob.peer.requests) == 2


async def test_a_key_that_its_owner_has_withdrawn_verifies_nothing_once_that_is_seen(
    inboxes: Inboxes, bob: Sender
) -> None:
    assert (await ask(inboxes, bob.post())).status == 202
    bob.publish(publicKey=None)
    forged = await ask(inboxes, bob.post(key=rsa_key("mallory")))
    assert (forged.status, forged.problem["reason"]) == (401, "key_missing")
    late = await ask(inboxes, bob.post())
    assert (late.status, late.problem["reason"]) == (401, "key_missing")
    assert not await ActorKey.objects.filter(key_id=bob.key_id).aexists()


@pytest.mark.parametrize(
    "line", ["503 Service Unavailable", "500 Internal Server Error", "429 Too Many Requests"]
)
async def test_while_the_keys_host_is_down_the_sender_is_asked_to_come_again(
    inboxes: Inboxes, bob: Sender, line: str
) -> None:
    bob.peer.answers["/users/bob"] = status(line)
    answer = await ask(inboxes, bob.post())
    assert (answer.status, answer.problem["code"]) == (503, "key_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert await rows() == []


async def test_a_host_that_is_down_when_a_known_key_fails_is_no_refusal(
    inboxes: Inboxes, bob: Sender
) -> None:
    assert (await ask(inboxes, bob.post())).status == 202
    bob.peer.answers["/users/bob"] = status("503 Service Unavailable")
    assert (await ask(inboxes, bob.post(key=rsa_key("renewed")))).status == 503


# ---- who is gone ---------------------------------------------------------------------------------------


FAR = "https://far.example/users/carol"


def farewell(sender: Sender, **changed: Any) -> dict[str, Any]:
    return sender.activity("Delete", **{"object": sender.uri, **changed})


@pytest.mark.parametrize("line", ["410 Gone", "404 Not Found"])
async def test_a_delete_of_somebody_unknown_who_is_gone_is_accepted_without_effect(
    inboxes: Inboxes, bob: Sender, line: str
) -> None:
    bob.peer.answers["/users/bob"] = status(line)
    assert (await ask(inboxes, bob.post(farewell(bob)))).status == 202
    assert await rows() == []
    assert not await RemoteActor.objects.aexists()


async def test_a_delete_of_somebody_known_needs_a_key_that_holds(inboxes: Inboxes, bob: Sender) -> None:
    assert (await ask(inboxes, bob.post())).status == 202
    bob.peer.answers["/users/bob"] = status("410 Gone")
    unknown_key = await ask(inboxes, bob.post(farewell(bob), key_id=f"{bob.uri}#other"))
    assert (unknown_key.status, unknown_key.problem["reason"]) == (401, "key_missing")
    assert len(await rows()) == 1
    assert (await ask(inboxes, bob.post(farewell(bob)))).status == 202
    assert len(await rows()) == 2


@pytest.mark.parametrize("what", ["a note", "another actor", "another server", "nothing to read"])
async def test_other_words_of_somebody_gone_are_refused(inboxes: Inboxes, bob: Sender, what: str) -> None:
    bob.peer.answers["/users/bob"] = status("410 Gone")
    body = {
        "a note": json.dumps(bob.activity("Delete", object=f"{bob.uri}/notes/1")).encode(),
        "another actor": json.dumps(farewell(bob, object=bob.peer.url("/users/eve"))).encode(),
        "another server": json.dumps(farewell(bob, actor=FAR, object=FAR)).encode(),
        "nothing to read": b"{",
    }[what]
    answer = await ask(inboxes, bob.post(body))
    assert (answer.status, answer.problem["reason"]) == (401, "key_gone")


# ---- for whom ------------------------------------------------------------------------------------------


@pytest.fixture
def alice(transactional_db: None) -> Person:
    person = Person(DjangoWire())
    person.register().expect(201)
    return person


async def test_ones_own_inbox_takes_what_is_for_oneself(inboxes: Inboxes, alice: Person, bob: Sender) -> None:
    assert (await ask(inboxes, bob.post(path=f"/users/{alice.username}/inbox"))).status == 202
    assert [row["recipient"] for row in await rows()] == [alice.username]


@pytest.mark.parametrize("name", ["nobody", "No.Name", "a" * 200, "%00", "%C3%A4"])
async def test_an_inbox_of_nobody_is_not_found(inboxes: Inboxes, bob: Sender, name: str) -> None:
    answer = await ask(inboxes, bob.post(path=f"/users/{name}/inbox"))
    assert (answer.status, answer.problem["code"]) == (404, "unknown_actor")
    assert await rows() == []


async def test_a_name_that_no_database_takes_spoils_nothing_for_others(inboxes: Inboxes, bob: Sender) -> None:
    await ask(inboxes, bob.post())
    paths = ["/inbox", "/users/%00/inbox"] * 5
    answers = await asyncio.gather(*(ask(inboxes, bob.post(path=path)) for path in paths))
    assert [answer.status for answer in answers] == [202, 404] * 5


async def test_an_inbox_of_somebody_erased_is_gone(inboxes: Inboxes, alice: Person, bob: Sender) -> None:
    await sync_to_async(erase_account)(UUID(alice.id), by="")
    answer = await ask(inboxes, bob.post(path=f"/users/{alice.username}/inbox"))
    assert (answer.status, answer.problem["code"]) == (410, "actor_gone")


# ---- whom moderators have shut out -----------------------------------------------------------------------


async def test_a_suspended_host_is_told_so_and_not_asked_for_its_key(inboxes: Inboxes, bob: Sender) -> None:
    await HostPolicy.objects.acreate(host="127.0.0.1", severity=Severity.SUSPEND)
    answer = await ask(inboxes, bob.post())
    assert (answer.status, answer.problem["code"]) == (403, "host_suspended")
    assert bob.peer.requests == []
    assert await rows() == []


async def test_a_host_is_shut_out_from_the_next_activity_on(inboxes: Inboxes, bob: Sender) -> None:
    assert (await ask(inboxes, bob.post())).status == 202
    await HostPolicy.objects.acreate(host=f"127.0.0.1:{bob.peer.port}", severity=Severity.SUSPEND)
    assert (await ask(inboxes, bob.post())).status == 403
    assert len(await rows()) == 1


async def test_a_silenced_host_is_heard(inboxes: Inboxes, bob: Sender) -> None:
    await HostPolicy.objects.acreate(host="127.0.0.1", severity=Severity.SILENCE)
    assert (await ask(inboxes, bob.post())).status == 202


async def test_one_who_is_let_in_is_not_refused_with_those_who_are_not(
    inboxes: Inboxes, bob: Sender, mallory: Sender, elsewhere: Peer
) -> None:
    await asyncio.gather(ask(inboxes, bob.post()), ask(inboxes, mallory.post()))
    await HostPolicy.objects.acreate(host=f"127.0.0.1:{elsewhere.port}", severity=Severity.SUSPEND)
    answers = await asyncio.gather(
        *(ask(inboxes, sender.post()) for _ in range(10) for sender in (bob, mallory))
    )
    assert [answer.status for answer in answers] == [202, 403] * 10

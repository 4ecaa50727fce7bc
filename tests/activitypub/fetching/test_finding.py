"""From a handle to its actor: no host's word alone makes a handle somebody's."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from activitypub.fetching.documents import Documents
from activitypub.fetching.errors import DownForNow, Gone, NotFetched, NotFound, Refused
from activitypub.fetching.fetch import Fetcher
from tests.activitypub.fetching.conftest import reason_of
from tests.activitypub.fetching.fediverse import EVIL, HOME, WEB, Fediverse, host_meta, jrd
from tests.activitypub.fetching.peer import (
    ACTIVITY,
    Answer,
    Names,
    Peer,
    document,
    redirect,
    status,
    whole,
)


def late(answer: Answer) -> Answer:
    async def send(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.17)
        await answer(writer)

    return send


@pytest.fixture
def fediverse(peer: Peer, names: Names, documents: Documents) -> Fediverse:
    return Fediverse(peer, names, documents)


# --- what is refused ------------------------------------------------------------------------------


async def test_a_host_cannot_make_anothers_actor_its_own(fediverse: Fediverse) -> None:
    victim = fediverse.actor("alice", HOME)
    fediverse.names_actor(fediverse.handle("alice", HOME), victim)
    fediverse.names_actor(fediverse.handle("alice", EVIL), victim)
    assert await fediverse.refusal(fediverse.handle("alice", EVIL)) == (
        "loop_open",
        "webfinger_names_another_handle",
    )


async def test_a_host_cannot_give_its_actor_anothers_handle(fediverse: Fediverse) -> None:
    own = fediverse.actor("alice", EVIL)
    alice = fediverse.handle("alice", HOME)
    fediverse.names_actor(fediverse.handle("alice", EVIL), own, subject=alice)
    fediverse.names_actor(alice, fediverse.actor("alice", HOME))
    found = await fediverse.find(fediverse.handle("alice", EVIL))
    # What it gets is the true one of that handle, which it may point to as anybody may.
    assert found.actor.host == alice.host


async def test_a_handle_that_its_host_does_not_know_is_not_found(fediverse: Fediverse) -> None:
    own = fediverse.actor("alice", EVIL)
    unknown = fediverse.handle("nobody", HOME)
    fediverse.names_actor(fediverse.handle("alice", EVIL), own, subject=unknown)
    with pytest.raises(NotFound) as error:
        await fediverse.find(fediverse.handle("alice", EVIL))
    assert error.value.host == unknown.host


async def test_handles_that_lead_from_one_to_the_next_end(fediverse: Fediverse) -> None:
    actor = fediverse.actor("alice", HOME)
    for asked, told in ((HOME, WEB), (WEB, EVIL), (EVIL, HOME)):
        fediverse.names_actor(
            fediverse.handle("alice", asked), actor, subject=fediverse.handle("alice", told)
        )
    assert await fediverse.refusal(fediverse.handle("alice", HOME)) == (
        "loop_open",
        "webfinger_names_another_handle",
    )


async def test_another_username_in_the_actors_document_opens_the_loop(fediverse: Fediverse) -> None:
    bob = fediverse.actor("bob", HOME)
    fediverse.names_actor(fediverse.handle("alice", HOME), bob)
    assert await fediverse.refusal(fediverse.handle("alice", HOME)) == (
        "loop_open",
        "actor_has_another_username",
    )


async def test_an_actor_whose_id_is_another_opens_the_loop(fediverse: Fediverse) -> None:
    alice = fediverse.actor("alice", HOME)
    fediverse.peer.answers[f"{HOME}/@alice"] = document({"id": alice, "type": "Person"})
    fediverse.names_actor(fediverse.handle("alice", HOME), fediverse.peer.url("/@alice", HOME))
    assert await fediverse.refusal(fediverse.handle("alice", HOME)) == (
        "loop_open",
        "webfinger_names_another_actor",
    )


async def test_an_actor_whose_own_host_has_no_webfinger_has_no_handle_elsewhere(fediverse: Fediverse) -> None:
    fediverse.names_actor(fediverse.handle("alice", HOME), fediverse.actor("alice", WEB))
    with pytest.raises(NotFound) as error:
        await fediverse.find(fediverse.handle("alice", HOME))
    assert error.value.host == f"{WEB}:{fediverse.peer.port}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "no_actor"),
        ({"subject": "acct:alice@home.example", "links": "x"}, "no_actor"),
        ({"links": [{"rel": "self", "type": "text/html", "href": "https://home.example/"}]}, "no_actor"),
        ({"links": [{"rel": "self", "type": ACTIVITY, "href": "javascript:alert(1)"}]}, "no_actor"),
        ({"links": [{"rel": "self", "type": ACTIVITY}]}, "no_actor"),
    ],
)
async def test_what_names_no_actor_finds_none(
    content: Mapping[str, Any], reason: str, fediverse: Fediverse
) -> None:
    alice = fediverse.handle("alice", HOME)
    fediverse.peer.answers[fediverse.webfinger_path(alice)] = jrd(
        {key: value for key, value in content.items() if key != "subject"}
    )
    assert (await fediverse.refusal(alice))[0] == reason


async def test_without_a_subject_the_loop_is_open(fediverse: Fediverse) -> None:
    alice = fediverse.handle("alice", HOME)
    fediverse.peer.answers[fediverse.webfinger_path(alice)] = jrd(
        {"links": [{"rel": "self", "type": ACTIVITY, "href": fediverse.actor("alice", HOME)}]}
    )
    assert await fediverse.refusal(alice) == ("loop_open", "webfinger_without_subject")


async def test_an_actor_at_an_address_inside_is_refused(fediverse: Fediverse, inside: Peer) -> None:
    alice = fediverse.handle("alice", HOME)
    fediverse.names_actor(alice, inside.url("/users/alice"))
    assert (await fediverse.refusal(alice))[0] == "address_forbidden"


async def test_a_document_that_is_no_actor_is_refused(fediverse: Fediverse) -> None:
    alice = fediverse.handle("alice", HOME)
    fediverse.names_actor(alice, fediverse.actor("alice", HOME, type="Note"))
    assert await fediverse.refusal(alice) == ("bad_document", "type_missing")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", "application/jrd+json"),
        (b"[1]", "application/json"),
        (b"{}", "application/xrd+xml"),
        (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><XRD>&b;</XRD>', "application/xrd+xml"),
    ],
)
async def test_what_cannot_be_read_is_refused(body: bytes, kind: str, fediverse: Fediverse) -> None:
    alice = fediverse.handle("alice", HOME)
    fediverse.peer.answers[fediverse.webfinger_path(alice)] = whole(body, Content_Type=kind)
    assert (await fediverse.refusal(alice))[0] == "bad_document"


@pytest.mark.parametrize(
    ("line", "kind"),
    [("410 Gone", Gone), ("503 Down", DownForNow), ("403 Forbidden", Refused), ("404 Not Found", NotFound)],
)
async def test_what_the_host_answers_is_what_the_caller_is_told(
    line: str, kind: type[NotFetched], fediverse: Fediverse
) -> None:
    alice = fediverse.handle("alice", HOME)
    fediverse.peer.answers[fediverse.webfinger_path(alice)] = status(line)
    with pytest.raises(kind) as error:
        await fediverse.find(alice)
    assert type(error.value) is kind
    asked = [request.target for request in fediverse.peer.requests]
    assert ("/.well-known/host-meta" in asked) is (kind is NotFound)


async def test_redirects_in_a_circle_end(fediverse: Fediverse) -> None:
    alice = fediverse.handle("alice", HOME)
    path = fediverse.webfinger_path(alice)
    fediverse.peer.answers[path] = redirect(path)
    assert (await fediverse.refusal(alice))[0] == "too_many_redirects"


async def test_all_steps_together_have_an_end(peer: Peer, names: Names, hasty: Fetcher) -> None:
    """None of the four takes as long as one document may."""
    fediverse = Fediverse(peer, names, Documents(hasty))
    alice = fediverse.handle("alice", HOME)
    told = {"links": [{"rel": "self", "type": ACTIVITY, "href": peer.url("/users/alice", HOME)}]}
    steps = {
        fediverse.webfinger_path(alice): status("404 Not Found"),
        "/.well-known/host-meta": host_meta(peer.url("/lrdd?{uri}", HOME)),
        fediverse.webfinger_path(alice).replace("/.well-known/webfinger?resource=", "/lrdd?"): jrd(told),
        "/users/alice": document({}),
    }
    for path, answer in steps.items():
        peer.answers[path] = late(answer)
    with pytest.raises(DownForNow) as error:
        await fediverse.find(alice)
    assert reason_of(error) == "timeout"


# --- what is found --------------------------------------------------------------------------------


async def test_a_handle_whose_loop_is_closed_is_its_actors(fediverse: Fediverse) -> None:
    alice = fediverse.handle("alice", HOME)
    actor = fediverse.actor("alice", HOME)
    fediverse.names_actor(alice, actor)
    found = await fediverse.find(alice)
    assert (found.handle, found.actor.id) == (alice, actor)
    assert len(fediverse.peer.requests) == 2


async def test_a_username_is_one_in_any_case(fediverse: Fediverse) -> None:
    asked, alice = fediverse.handle("ALICE", HOME), fediverse.handle("alice", HOME)
    fediverse.names_actor(asked, fediverse.actor("alice", HOME), subject=alice)
    assert (await fediverse.find(asked)).actor.username == "alice"


async def test_a_handle_of_one_host_may_be_an_actors_of_another_if_both_say_so(fediverse: Fediverse) -> None:
    short, long = fediverse.handle("alice", HOME), fediverse.handle("alice", WEB)
    actor = fediverse.actor("alice", WEB)
    fediverse.names_actor(short, actor)
    fediverse.names_actor(long, actor, subject=short)
    for asked in (short, long):
        found = await fediverse.find(asked)
        assert (found.handle, found.actor.id) == (short, actor)


@pytest.mark.parametrize("kind", ["application/jrd+json", "application/xrd+xml"])
async def test_host_meta_leads_to_where_webfinger_is_not(kind: str, fediverse: Fediverse) -> None:
    alice = fediverse.handle("alice", HOME)
    actor = fediverse.actor("alice", HOME)
    fediverse.peer.answers[f"{HOME}/.well-known/host-meta"] = host_meta(
        fediverse.peer.url("/lrdd?uri={uri}", WEB), kind
    )
    asked = fediverse.webfinger_path(alice).partition("=")[2]
    told = {"subject": alice.acct, "links": [{"rel": "self", "type": ACTIVITY, "href": actor}]}
    fediverse.peer.answers[f"{WEB}/lrdd?uri={asked}"] = jrd(told)
    assert (await fediverse.find(alice)).actor.id == actor


@pytest.mark.parametrize(
    "template",
    ["http://127.0.0.2:8000/?{uri}", "http://169.254.169.254/{uri}", "ftp://home.example/{uri}", "{uri}"],
)
async def test_host_meta_leads_to_no_place_that_a_url_may_not_lead_to(
    template: str, fediverse: Fediverse
) -> None:
    alice = fediverse.handle("alice", HOME)
    fediverse.peer.answers[f"{HOME}/.well-known/host-meta"] = host_meta(template)
    with pytest.raises(NotFetched) as error:
        await fediverse.find(alice)
    assert reason_of(error) in ("address_forbidden", "not_found")

"""Documents of other servers: each from where its id says that it stands, kept for a while, fetched once."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from activitypub.fetching.cache import FAILURE_KEPT_SECONDS, KEPT_SECONDS, Cache
from activitypub.fetching.documents import Documents
from activitypub.fetching.errors import DownForNow, NotFetched, NotFound, Reason, Refused
from activitypub.fetching.fetch import Fetched, Fetcher
from tests.activitypub.fetching.conftest import reason_of
from tests.activitypub.fetching.peer import (
    ACTIVITY,
    OUTSIDE,
    Answer,
    Names,
    Peer,
    document,
    redirect,
    status,
    whole,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Key:
    def __init__(self, key_id: str) -> None:
        self.key_id = key_id

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        return {"Signature": self.key_id}


def note(peer: Peer, path: str, host: str | None = None, **more: Any) -> Answer:
    return document({"id": peer.url(path, host), "type": "Note", **more})


def targets(peer: Peer) -> list[str]:
    return [request.target for request in peer.requests]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def documents(fetcher: Fetcher, clock: Clock) -> Documents:
    return Documents(fetcher, clock=clock)


# --- whose word it is ---------------------------------------------------------------------------


async def test_a_document_stands_at_its_own_id(documents: Documents, peer: Peer) -> None:
    peer.answers["/note"] = note(peer, "/note", content="x")
    assert (await documents.fetch_document(peer.url("/note")))["content"] == "x"


async def test_one_that_names_another_id_is_fetched_from_there(documents: Documents, peer: Peer) -> None:
    """A page for people serves the document too; what it says is not believed, the id's own address is."""
    peer.answers["/@alice/1"] = note(peer, "/note", content="forged")
    peer.answers["/note"] = note(peer, "/note", content="x")
    assert (await documents.fetch_document(peer.url("/@alice/1")))["content"] == "x"
    assert targets(peer) == ["/@alice/1", "/note"]


async def test_another_servers_document_is_never_believed_from_elsewhere(
    documents: Documents, peer: Peer, names: Names
) -> None:
    names.name("victim.example", [OUTSIDE])
    names.name("attacker.example", [OUTSIDE])
    peer.answers["attacker.example/note"] = note(peer, "/note", "victim.example", content="forged")
    peer.answers["victim.example/note"] = note(peer, "/note", "victim.example", content="true")
    found = await documents.fetch_document(peer.url("/note", "attacker.example"))
    assert found["content"] == "true"


async def test_a_document_that_its_server_does_not_know_is_none(
    documents: Documents, peer: Peer, names: Names
) -> None:
    names.name("victim.example", [OUTSIDE])
    names.name("attacker.example", [OUTSIDE])
    peer.answers["attacker.example/note"] = note(peer, "/forged", "victim.example")
    with pytest.raises(NotFound):
        await documents.fetch_document(peer.url("/note", "attacker.example"))


async def test_a_redirect_of_the_victim_makes_nothing_the_victims(
    documents: Documents, peer: Peer, names: Names
) -> None:
    """The attacker's answer names the victim's address that leads to the attacker."""
    names.name("victim.example", [OUTSIDE])
    names.name("attacker.example", [OUTSIDE])
    forged = note(peer, "/leave?to=attacker", "victim.example", content="forged")
    peer.answers["victim.example/leave?to=attacker"] = redirect(peer.url("/", "attacker.example"))
    peer.answers["attacker.example/"] = forged
    with pytest.raises(Refused) as error:
        await documents.fetch_document(peer.url("/leave?to=attacker", "victim.example"))
    assert reason_of(error) == "id_elsewhere"


async def test_ids_that_lead_from_one_to_the_next_end(documents: Documents, peer: Peer) -> None:
    for step in range(9):
        peer.answers[f"/{step}"] = note(peer, f"/{step + 1}")
    with pytest.raises(Refused) as error:
        await documents.fetch_document(peer.url("/0"))
    assert reason_of(error) == "id_elsewhere"
    assert targets(peer) == ["/0", "/1"]


@pytest.mark.parametrize("id_", [None, 7, [], {"id": "x"}, True])
async def test_a_document_without_an_id_is_refused(id_: object, documents: Documents, peer: Peer) -> None:
    peer.answers["/"] = document({"id": id_, "type": "Note"})
    with pytest.raises(Refused) as error:
        await documents.fetch_document(peer.url())
    assert reason_of(error) == "id_missing"


@pytest.mark.parametrize(
    ("id_", "reason"),
    [
        ("https://[::1", "bad_url"),
        ("/note", "bad_url"),
        ("http://169.254.169.254/", "address_forbidden"),
        ("http://127.0.0.1:22/", "port"),
    ],
)
async def test_an_id_leads_to_no_place_that_a_url_may_not_lead_to(
    id_: str, reason: str, documents: Documents, peer: Peer
) -> None:
    peer.answers["/"] = document({"id": id_})
    with pytest.raises(Refused) as error:
        await documents.fetch_document(peer.url())
    assert reason_of(error) == reason


async def test_a_key_document_may_name_its_owner_but_not_redirect(documents: Documents, peer: Peer) -> None:
    peer.answers["/alice/main-key"] = note(peer, "/alice")
    peer.answers["/alice"] = note(peer, "/alice")
    assert (await documents.fetch_document(peer.url("/alice/main-key"), redirects=0))["id"].endswith("/alice")
    peer.answers["/alice/other-key"] = redirect("/alice")
    with pytest.raises(Refused) as error:
        await documents.fetch_document(peer.url("/alice/other-key"), redirects=0)
    assert reason_of(error) == "redirected"


async def test_what_came_by_a_redirect_serves_nobody_who_wants_none(documents: Documents, peer: Peer) -> None:
    peer.answers["/key"] = redirect("/alice")
    peer.answers["/alice"] = note(peer, "/alice")
    await documents.fetch_document(peer.url("/key"))
    with pytest.raises(Refused):
        await documents.fetch_document(peer.url("/key"), redirects=0)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"<html>", "document_not_json"),
        (b"[]", "document_not_an_object"),
        (b'{"id": 1, "id": 2}', "document_duplicate_member"),
        (b'{"a": ' * 100 + b"1" + b"}" * 100, "document_too_deep"),
        (b'{"a": "\xff"}', "document_not_json"),
    ],
)
async def test_what_cannot_be_read_is_refused_and_says_why(
    body: bytes, word: str, documents: Documents, peer: Peer
) -> None:
    peer.answers["/"] = whole(body, Content_Type=ACTIVITY)
    with pytest.raises(Refused) as error:
        await documents.fetch_document(peer.url())
    assert (error.value.reason.value, error.value.detail) == ("bad_document", word)


async def test_both_fetches_share_the_time_of_one(hasty: Fetcher, peer: Peer) -> None:
    async def wait(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        await note(peer, "/b")(writer)

    peer.answers.update({"/a": wait, "/b": wait})
    documents = Documents(hasty)
    with pytest.raises(DownForNow) as error:
        await documents.fetch_document(peer.url("/a"))
    assert reason_of(error) == "timeout"


# --- once for everybody ------------------------------------------------------------------------


async def test_of_many_who_ask_at_once_one_fetches(documents: Documents, peer: Peer) -> None:
    peer.answers["/note"] = note(peer, "/note")
    found = await asyncio.gather(*(documents.fetch_document(peer.url("/note")) for _ in range(50)))
    assert len(found) == 50
    assert targets(peer) == ["/note"]


async def test_who_gives_up_ends_it_for_nobody_else(documents: Documents, peer: Peer) -> None:
    go_on, begun = asyncio.Event(), asyncio.Event()

    async def wait(writer: asyncio.StreamWriter) -> None:
        begun.set()
        await go_on.wait()
        await note(peer, "/note")(writer)

    peer.answers["/note"] = wait
    first = asyncio.create_task(documents.fetch_document(peer.url("/note")))
    await begun.wait()
    second = asyncio.create_task(documents.fetch_document(peer.url("/note")))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go_on.set()
    assert (await second)["type"] == "Note"
    assert targets(peer) == ["/note"]


async def test_all_who_wait_for_what_fails_are_told(documents: Documents, peer: Peer) -> None:
    found = await asyncio.gather(
        *(documents.fetch_document(peer.url("/none")) for _ in range(5)), return_exceptions=True
    )
    assert [type(error) for error in found] == [NotFound] * 5
    assert len({id(error) for error in found}) == 5
    assert targets(peer) == ["/none"]


async def test_closing_ends_what_is_under_way(documents: Documents, peer: Peer) -> None:
    begun = asyncio.Event()

    async def wait(writer: asyncio.StreamWriter) -> None:
        begun.set()
        await asyncio.Event().wait()

    peer.answers["/note"] = wait
    asked = asyncio.create_task(documents.fetch_document(peer.url("/note")))
    await begun.wait()
    await documents.close()
    with pytest.raises(asyncio.CancelledError):
        await asked


# --- kept for a while --------------------------------------------------------------------------


async def test_what_was_fetched_is_kept_for_its_time(documents: Documents, peer: Peer, clock: Clock) -> None:
    peer.answers["/note"] = note(peer, "/note")
    await documents.fetch_document(peer.url("/note"))
    clock.now += KEPT_SECONDS - 1
    await documents.fetch_document(peer.url("/note"))
    assert len(peer.requests) == 1
    clock.now += 1
    await documents.fetch_document(peer.url("/note"))
    assert len(peer.requests) == 2


async def test_who_needs_it_newer_asks_again(documents: Documents, peer: Peer, clock: Clock) -> None:
    """A key that does not verify may have been replaced; a flood of forgeries does not ask each time."""
    peer.answers["/alice"] = note(peer, "/alice", key="old")
    await documents.fetch_document(peer.url("/alice"))
    peer.answers["/alice"] = note(peer, "/alice", key="new")
    clock.now += 61
    for _ in range(9):
        assert (await documents.fetch_document(peer.url("/alice"), max_age=60))["key"] == "new"
    assert len(peer.requests) == 2
    await documents.fetch_document(peer.url("/alice"), max_age=0)
    assert len(peer.requests) == 3


@pytest.mark.parametrize("line", ["404 Not Found", "410 Gone", "500 Oops", "403 Forbidden"])
async def test_a_failure_is_remembered_but_not_for_long(
    line: str, documents: Documents, peer: Peer, clock: Clock
) -> None:
    peer.answers["/note"] = status(line)
    said = []
    for _ in range(3):
        with pytest.raises(NotFetched) as error:
            await documents.fetch_document(peer.url("/note"))
        said.append((type(error.value), str(error.value)))
    assert len(set(said)) == 1
    assert len(peer.requests) == 1
    peer.answers["/note"] = note(peer, "/note")
    clock.now += FAILURE_KEPT_SECONDS
    assert await documents.fetch_document(peer.url("/note"))


async def test_what_one_actor_may_read_is_not_kept_for_another(documents: Documents, peer: Peer) -> None:
    peer.answers["/note"] = note(peer, "/note", content="for alice")
    await documents.fetch_document(peer.url("/note"), Key("alice"))
    peer.answers["/note"] = status("403 Forbidden")
    assert await documents.fetch_document(peer.url("/note"), Key("alice"))
    for signer in (Key("bob"), None):
        with pytest.raises(Refused) as error:
            await documents.fetch_document(peer.url("/note"), signer)
        assert reason_of(error) == "denied"


async def test_two_spellings_of_one_address_are_one(documents: Documents, peer: Peer) -> None:
    peer.answers["/%C3%BC"] = document({"id": peer.url("/ü"), "type": "Note"})
    await documents.fetch_document(peer.url("/ü"))
    await documents.fetch_document(peer.url("/%C3%BC"))
    assert len(peer.requests) == 1


def test_the_cache_holds_no_more_bytes_than_it_may(clock: Clock) -> None:
    cache = Cache(clock, max_bytes=100_000)
    for number in range(1000):
        cache.put(number, Fetched("", "", b" " * 9_000))
    kept = [number for number in range(1000) if cache.get(number, 1)]
    assert kept == list(range(991, 1000))


def test_failures_take_room_too(clock: Clock) -> None:
    cache = Cache(clock, max_bytes=100_000)
    for number in range(1000):
        cache.put(number, NotFound(Reason.NOT_FOUND))
    assert 50 < sum(cache.get(number, 1) is not None for number in range(1000)) < 100


def test_what_is_larger_than_the_cache_is_not_kept(clock: Clock) -> None:
    cache = Cache(clock, max_bytes=1000)
    cache.put("large", Fetched("", "", b" " * 9_000))
    assert cache.get("large", 1) is None


def test_a_body_is_kept_as_it_came(clock: Clock) -> None:
    cache = Cache(clock)
    body = json.dumps({"a": 1}).encode()
    cache.put("key", Fetched("https://peer.example/", ACTIVITY, body))
    kept = cache.get("key", 1)
    assert isinstance(kept, Fetched)
    assert kept.body == body

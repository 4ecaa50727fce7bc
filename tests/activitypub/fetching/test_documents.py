"""Documents of other servers: each from where its id says that it stands."""

import asyncio

import pytest

from activitypub.fetching.documents import Documents
from activitypub.fetching.errors import DownForNow, NotFound, Refused
from activitypub.fetching.fetch import Fetcher
from tests.activitypub.fetching.conftest import reason_of
from tests.activitypub.fetching.peer import (
    ACTIVITY,
    OUTSIDE,
    Names,
    Peer,
    document,
    redirect,
    whole,
)


async def test_a_document_stands_at_its_own_id(documents: Documents, peer: Peer) -> None:
    peer.answers["/note"] = peer.note("/note", content="x")
    assert (await documents.fetch_document(peer.url("/note")))["content"] == "x"


async def test_one_that_names_another_id_is_fetched_from_there(documents: Documents, peer: Peer) -> None:
    """A page for people serves the document too; what it says is not believed, the id's own address is."""
    peer.answers["/@alice/1"] = peer.note("/note", content="forged")
    peer.answers["/note"] = peer.note("/note", content="x")
    assert (await documents.fetch_document(peer.url("/@alice/1")))["content"] == "x"
    assert peer.targets == ["/@alice/1", "/note"]


async def test_another_servers_document_is_never_believed_from_elsewhere(
    documents: Documents, peer: Peer, names: Names
) -> None:
    names.name("victim.example", [OUTSIDE])
    names.name("attacker.example", [OUTSIDE])
    peer.answers["attacker.example/note"] = peer.note("/note", "victim.example", content="forged")
    peer.answers["victim.example/note"] = peer.note("/note", "victim.example", content="true")
    found = await documents.fetch_document(peer.url("/note", "attacker.example"))
    assert found["content"] == "true"


async def test_a_document_that_its_server_does_not_know_is_none(
    documents: Documents, peer: Peer, names: Names
) -> None:
    names.name("victim.example", [OUTSIDE])
    names.name("attacker.example", [OUTSIDE])
    peer.answers["attacker.example/note"] = peer.note("/forged", "victim.example")
    with pytest.raises(NotFound):
        await documents.fetch_document(peer.url("/note", "attacker.example"))


async def test_a_redirect_of_the_victim_makes_nothing_the_victims(
    documents: Documents, peer: Peer, names: Names
) -> None:
    """The attacker's answer names the victim's address that leads to the attacker."""
    names.name("victim.example", [OUTSIDE])
    names.name("attacker.example", [OUTSIDE])
    forged = peer.note("/leave?to=attacker", "victim.example", content="forged")
    peer.answers["victim.example/leave?to=attacker"] = redirect(peer.url("/", "attacker.example"))
    peer.answers["attacker.example/"] = forged
    with pytest.raises(Refused) as error:
        await documents.fetch_document(peer.url("/leave?to=attacker", "victim.example"))
    assert reason_of(error) == "id_elsewhere"


async def test_ids_that_lead_from_one_to_the_next_end(documents: Documents, peer: Peer) -> None:
    for step in range(9):
        peer.answers[f"/{step}"] = peer.note(f"/{step + 1}")
    with pytest.raises(Refused) as error:
        await documents.fetch_document(peer.url("/0"))
    assert reason_of(error) == "id_elsewhere"
    assert peer.targets == ["/0", "/1"]


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
    peer.answers["/alice/main-key"] = peer.note("/alice")
    peer.answers["/alice"] = peer.note("/alice")
    assert (await documents.fetch_document(peer.url("/alice/main-key"), redirects=0))["id"].endswith("/alice")
    peer.answers["/alice/other-key"] = redirect("/alice")
    with pytest.raises(Refused) as error:
        await documents.fetch_document(peer.url("/alice/other-key"), redirects=0)
    assert reason_of(error) == "redirected"


async def test_what_came_by_a_redirect_serves_nobody_who_wants_none(documents: Documents, peer: Peer) -> None:
    peer.answers["/key"] = redirect("/alice")
    peer.answers["/alice"] = peer.note("/alice")
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
        await peer.note("/b")(writer)

    peer.answers.update({"/a": wait, "/b": wait})
    documents = Documents(hasty)
    with pytest.raises(DownForNow) as error:
        await documents.fetch_document(peer.url("/a"))
    assert reason_of(error) == "timeout"

"""WebFinger, NodeInfo, actors and collections: what either server finds out about the other."""

import pytest

from tests.peers.conftest import Met
from tests.peers.fedify_peer import PUBLIC

pytestmark = pytest.mark.needs("fedify")


def test_fedify_finds_alice_by_her_handle_and_back(met: Met) -> None:
    handle = f"acct:{met.alice.name}@{met.home.origin.removeprefix('http://')}"
    for resource in (handle, met.alice.uri):
        told = met.peer.ask("webfinger", resource=resource)
        assert told["subject"] == handle
        selves = [link["href"] for link in told["links"] if link["rel"] == "self"]
        assert selves == [met.alice.uri]
    assert met.peer.ask("look", url=handle)["id"] == met.alice.uri
    assert met.peer.ask("webfinger", resource=handle.replace("acct:", "acct:no")) is None


def test_fedify_reads_alices_document_with_both_her_keys(met: Met) -> None:
    told = met.peer.ask("look", url=met.alice.uri)
    assert (told["type"], told["preferredUsername"]) == ("Person", met.alice.name)
    assert told["inbox"] == f"{met.alice.uri}/inbox"
    assert told["endpoints"]["sharedInbox"] == f"{met.home.origin}/inbox"
    assert told["publicKey"]["id"] == f"{met.alice.uri}#main-key"
    assert [key["id"] for key in told["assertionMethod"]] == [f"{met.alice.uri}#ed25519-key"]


def test_fedify_reads_our_nodeinfo(met: Met) -> None:
    told = met.peer.ask("nodeinfo", url=met.home.origin)
    assert (told["software"], told["protocols"]) == ("hvx", ["activitypub"])
    assert told["people"] >= 1


def test_a_handle_that_alice_types_leads_to_somebody_on_fedify_never_heard_of(met: Met) -> None:
    henry = met.peer.actor("henry")
    note = {"type": "Note", "content": f"hello {henry.handle}", "mediaType": "text/plain", "to": [PUBLIC]}
    created = met.alice.publish("Create", note)
    tag = met.peer.hears(id=created["id"])["object"]["tag"]
    assert (tag["type"], tag["href"]) == ("Mention", henry.uri)


def test_fedify_walks_through_alices_collections(met: Met) -> None:
    alice = met.home.newcomer()
    follow = met.bob.say(alice.uri, met.bob.activity("Follow", alice.uri))
    met.peer.hears(type="Accept", about=follow)
    note = {"type": "Note", "to": [PUBLIC], "cc": [f"{alice.uri}/followers"]}
    # One more than a page holds.
    posts = [
        alice.publish("Create", {**note, "content": f"<p>{one}</p>"})["object"]["id"] for one in range(51)
    ]
    alice.publish("Add", posts[0], target=f"{alice.uri}/featured")
    alice.publish("Create", {"type": "Note", "content": "<p>hush</p>", "to": [f"{alice.uri}/followers"]})

    outbox = met.peer.ask("walk", url=f"{alice.uri}/outbox")
    assert outbox["total"] == 51
    assert [one["object"]["id"] for one in outbox["found"]] == posts[::-1]
    assert {one["type"] for one in outbox["found"]} == {"Create"}
    featured = met.peer.ask("walk", url=f"{alice.uri}/featured")
    assert [one["id"] for one in featured["found"]] == posts[:1]
    followers = met.peer.ask("walk", url=f"{alice.uri}/followers")
    assert (followers["total"], [one["id"] for one in followers["found"]]) == (1, [met.bob.uri])
    following = met.peer.ask("walk", url=f"{alice.uri}/following")
    assert (following["total"], following["found"]) == (0, [])

"""What somebody on Fedify neither gets nor brings: what is not for them, and anything once suspended."""

import pytest

from tests.peers.conftest import Met, befriend
from tests.peers.fedify_peer import PUBLIC

pytestmark = pytest.mark.needs("fedify")


def test_what_is_for_followers_is_shown_to_those_alone_who_sign_as_one(met: Met) -> None:
    met.peer.actor("kim")
    note = {"type": "Note", "content": "<p>among us</p>", "to": [f"{met.alice.uri}/followers"]}
    uri = met.alice.publish("Create", note)["object"]["id"]
    assert met.peer.ask("look", url=uri, by="bob")["content"] == "<p>among us</p>"
    assert met.peer.ask("look", url=uri, by="kim") is None
    assert met.peer.ask("look", url=uri) is None
    walked = met.peer.ask("walk", url=f"{met.alice.uri}/outbox", by="bob")
    assert uri not in [one["object"]["id"] for one in walked["found"]]


def test_what_is_for_one_is_sent_to_nobody_else(met: Met) -> None:
    lena = met.peer.actor("lena")
    befriend(met.alice, lena)
    told = met.alice.publish("Create", {"type": "Note", "content": "<p>for you</p>", "to": [met.bob.uri]})
    heard = met.peer.hears(id=told["id"])
    assert heard["to"] == met.bob.uri
    assert met.peer.ask("look", url=told["object"]["id"], by="lena") is None


def test_a_suspended_actor_has_no_effect_here_and_gets_nothing(met: Met) -> None:
    mona, alice = met.peer.actor("mona"), met.home.newcomer()
    befriend(alice, mona)
    met.home.server.manage("federation", "suspend", mona.uri)
    uri = alice.publish("Create", {"type": "Note", "content": "<p>hello</p>", "to": [PUBLIC]})["object"]["id"]
    like = mona.activity("Like", uri)
    status, _ = mona.knock(f"{alice.uri}/inbox", like, scheme=met.scheme)
    assert status == 202
    assert met.home.outcome(like["id"]) == "actor_suspended"
    assert met.home.asked(f"Like.objects.filter(post__uri={uri!r}).count()") == 0
    assert met.home.asked(f"Delivery.objects.filter(inbox__startswith={met.peer.origin!r}).count()") == 0
    assert uri not in str(met.peer.came())

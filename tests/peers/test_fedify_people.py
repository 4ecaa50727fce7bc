"""Follows, blocks, reports, moves and profiles, both ways, between this server and one on Fedify."""

import pytest

from tests.peers.conftest import Met, befriend
from tests.peers.fedify_peer import CAVAGE, PUBLIC, FedifyPeer

pytestmark = pytest.mark.needs("fedify")


def test_they_follow_each_other_and_end_it(met: Met) -> None:
    carol, alice = met.peer.actor("carol"), met.home.newcomer()
    befriend(alice, carol)
    follows = (
        f"sorted(Follow.objects.filter(state='accepted', {{}}__uri={alice.uri!r}).values_list('{{}}__uri'))"
    )
    followers, following = follows.format("followee", "follower"), follows.format("follower", "followee")
    assert met.home.asked(followers) == met.home.asked(following) == [[carol.uri]]

    undone = alice.publish("Undo", {"type": "Follow", "object": carol.uri})
    assert met.peer.hears(id=undone["id"])["object"]["type"] == "Follow"
    assert met.home.asked(following) == []
    follow = carol.activity("Follow", alice.uri)
    assert met.home.outcome(carol.say(alice.uri, carol.activity("Undo", follow))) == "done"
    assert met.home.asked(followers) == []


def test_either_refuses_the_other_as_a_follower(met: Met) -> None:
    dave, alice = met.peer.actor("dave"), met.home.newcomer()
    follows = f"Follow.objects.filter(follower__uri__in=[{alice.uri!r}, {dave.uri!r}]).count()"
    asked = alice.publish("Follow", dave.uri)
    met.peer.hears(id=asked["id"])
    assert met.home.outcome(dave.say(alice.uri, dave.activity("Reject", asked["id"]))) == "done"
    assert met.home.asked(follows) == 0

    follow = dave.say(alice.uri, dave.activity("Follow", alice.uri))
    met.peer.hears(type="Accept", about=follow)
    alice.publish("Reject", follow)
    met.peer.hears(type="Reject", about=follow)
    assert met.home.asked(follows) == 0


def test_they_block_each_other_and_think_better_of_it(met: Met) -> None:
    erin, alice = met.peer.actor("erin"), met.home.newcomer()
    befriend(alice, erin)
    follows = f"Follow.objects.filter(follower__uri__in=[{alice.uri!r}, {erin.uri!r}]).count()"
    blocks = f"Block.objects.filter(actor__uri__in=[{alice.uri!r}, {erin.uri!r}]).count()"
    block = erin.activity("Block", alice.uri)
    assert met.home.outcome(erin.say(alice.uri, block)) == "done"
    assert (met.home.asked(follows), met.home.asked(blocks)) == (0, 1)
    assert met.home.outcome(erin.say(alice.uri, erin.activity("Undo", block))) == "done"
    assert met.home.asked(blocks) == 0

    own = alice.publish("Block", erin.uri)
    assert met.peer.hears(id=own["id"])["object"] == erin.uri
    refused = erin.say(alice.uri, erin.activity("Follow", alice.uri))
    met.peer.hears(type="Reject", about=refused)
    assert met.home.asked(follows) == 0
    undone = alice.publish("Undo", own["id"])
    assert met.peer.hears(id=undone["id"])["object"]["type"] == "Block"


def test_bob_reports_what_alice_wrote(met: Met) -> None:
    uri = met.alice.publish("Create", {"type": "Note", "content": "<p>rude</p>", "to": [PUBLIC]})["object"][
        "id"
    ]
    flag = met.says("Flag", [met.alice.uri, uri], content="not nice")
    report = f"list(Report.objects.values_list('target__uri', 'post_uris', 'comment').get(uri={flag!r}))"
    assert met.home.asked(report) == [met.alice.uri, [uri], "not nice"]


def test_who_follows_somebody_that_moves_there_follows_them_on(met: Met) -> None:
    frank, alice = met.peer.actor("frank"), met.home.newcomer()
    befriend(alice, frank)
    stranger = met.peer.actor("stranger")
    move = frank.activity("Move", frank.uri, target=stranger.uri)
    assert met.home.outcome(frank.say(alice.uri, move)) != "done"
    assert met.peer.has_heard(type="Follow", about=stranger.uri) == 0

    francis = met.peer.actor("francis", aliases=[frank.uri])
    move = frank.activity("Move", frank.uri, target=francis.uri)
    assert met.home.outcome(frank.say(alice.uri, move)) == "done"
    assert met.peer.hears(type="Follow", about=francis.uri)["actor"] == alice.uri


def test_whom_fedify_does_not_count_among_the_followers_follows_no_more(met: Met) -> None:
    nina, alice, lost = met.peer.actor("nina"), met.home.newcomer(), met.home.newcomer()
    befriend(alice, nina)
    befriend(lost, nina)
    # A follow of the last minutes may have crossed what was sent, and would stay.
    met.home.asked(
        f"Follow.objects.filter(followee__uri={nina.uri!r}).update(created_at='2026-01-01T00:00Z')"
    )
    note = nina.note("<p>among us</p>", to=[f"{nina.uri}/followers"])
    told = nina.tell([alice.uri], nina.activity("Create", note, to=[f"{nina.uri}/followers"]))
    assert met.home.outcome(told) == "done"
    following = (
        f"list(Follow.objects.filter(followee__uri={nina.uri!r}).values_list('follower__uri', flat=True))"
    )
    if met.scheme == CAVAGE:
        met.home.becomes(following, [alice.uri])
    else:
        # By the RFC Fedify signs no header of its own choice, and what is not signed is nobody's word.
        assert sorted(met.home.asked(following)) == sorted([alice.uri, lost.uri])


def test_alice_reports_what_somebody_there_wrote_and_they_do_not_learn_who_did(met: Met) -> None:
    note = met.bob.note("<p>rude</p>")
    met.says("Create", note, to=[PUBLIC])
    met.alice.publish("Flag", [met.bob.uri, note["id"]], content="not nice", to=[met.bob.uri])
    heard = met.peer.hears(type="Flag")
    assert heard["actor"] == f"{met.home.origin}/actor"
    assert (sorted(heard["object"]), heard["content"]) == (sorted([met.bob.uri, note["id"]]), "not nice")
    assert met.alice.name not in str(heard)


def test_who_follows_alice_there_is_told_where_she_has_moved(met: Met) -> None:
    hana, alice = met.peer.actor("hana"), met.home.newcomer()
    befriend(alice, hana)
    target = met.peer.actor("alice", aliases=[alice.uri])
    moved = alice.publish("Move", alice.uri, target=target.uri)
    heard = met.peer.hears(id=moved["id"])
    assert (heard["type"], heard["actor"], heard["target"]) == ("Move", alice.uri, target.uri)
    assert met.peer.ask("look", url=alice.uri)["movedTo"] == target.uri


def test_who_has_left_here_is_told_there(met: Met) -> None:
    # The key that signed it can be had no more: Fedify has kept it, and no scheme is demanded.
    with FedifyPeer(knocks=met.scheme) as peer:
        ian, alice = peer.actor("ian"), met.home.newcomer()
        befriend(alice, ian)
        alice.leave()
        assert peer.hears(type="Delete", about=alice.uri)["actor"] == alice.uri


def test_who_has_left_there_is_gone_here(met: Met) -> None:
    gina, alice = met.peer.actor("gina"), met.home.newcomer()
    befriend(alice, gina)
    assert met.home.outcome(gina.say(alice.uri, gina.activity("Delete", gina.uri, to=[PUBLIC]))) == "done"
    assert met.home.asked(f"Actor.objects.filter(uri={gina.uri!r}).count()") == 0


def test_a_profile_changed_on_one_side_is_changed_on_the_other(met: Met) -> None:
    document = met.peer.ask("look", url=met.bob.uri)
    met.says("Update", {**document, "name": "Robert"}, to=[PUBLIC])
    assert met.home.asked(f"Actor.objects.get(uri={met.bob.uri!r}).display_name") == "Robert"

"""Well signed, and let in; and still none of it is its sender's to do: no row of the room changes.

What cannot even be let in is in test_forged_activities; the others that end here stand beside what they
imitate: test_relations, test_reactions, test_moves, test_reports, test_quotes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from activitypub.models import Follow, FollowState, LocalActor, Post, RemoteActor
from tests.activitypub.inbox.effects import does, everything, neighbour
from tests.activitypub.living import live, post
from tests.activitypub.senders import STREAMS
from tests.activitypub.test_actors import actor_of
from tests.people import Person

PUBLIC = f"{STREAMS}#Public"


@dataclass(frozen=True)
class World:
    """Alice is of this server; eve, who does all this, of bob's; carol of a third."""

    alice: LocalActor
    bob: RemoteActor
    eve: RemoteActor
    carol: RemoteActor
    own: Post
    bobs: Post
    carols: Post


@pytest.fixture
def world(person: Person) -> World:
    alice, bob, eve = actor_of(person), neighbour("bob"), neighbour("eve")
    carol = neighbour("carol", "far.example")
    life = live(alice, bob)
    Follow.objects.create(
        follower=alice, followee=carol, state=FollowState.REQUESTED, uri=f"{alice.uri}/objects/77"
    )
    return World(alice, bob, eve, carol, life.own, life.foreign, post(carol, 1, "far away"))


def note(uri: str, author: str | list[str], **members: Any) -> dict[str, Any]:
    return {
        "@context": STREAMS,
        "id": uri,
        "type": "Note",
        "attributedTo": author,
        "to": [PUBLIC],
        "content": "<p>forged</p>",
        **members,
    }


Members = Callable[[World], Mapping[str, Any]]


def web(w: World) -> dict[str, dict[str, Any]]:
    """What others find at eve's addresses, at the last of them by a redirect."""
    return {
        f"{w.eve.uri}/as/carol": note(f"{w.eve.uri}/as/carol", w.carol.uri),
        f"{w.eve.uri}/as/alice": note(f"{w.eve.uri}/as/alice", w.alice.uri),
        f"{w.eve.uri}/there/as/carol": note("https://third.example/1", w.carol.uri),
        f"{w.eve.uri}/there/as/eve": note("https://third.example/1", w.eve.uri),
        f"{w.eve.uri}/there": note("https://third.example/1", []),
    }


def _read_at(place: str) -> Members:
    return lambda w: {"object": f"{w.eve.uri}/{place}"}


FORGED: Mapping[str, tuple[str, Members, str]] = {
    "another's note, rewritten": (
        "Update",
        lambda w: {"object": note(w.bobs.uri, w.bob.uri)},
        "object_of_another_actor",
    ),
    "another's note, claimed": (
        "Update",
        lambda w: {"object": note(w.bobs.uri, w.eve.uri)},
        "object_of_another_actor",
    ),
    "another's note, without an author": (
        "Update",
        lambda w: {"object": {k: v for k, v in note(w.bobs.uri, "").items() if k != "attributedTo"}},
        "object_of_another_actor",
    ),
    "another host's note, rewritten": (
        "Update",
        lambda w: {"object": note(w.carols.uri, w.eve.uri)},
        "object_of_another_origin",
    ),
    "a note of this server, rewritten": (
        "Update",
        lambda w: {"object": note(w.own.uri, w.eve.uri)},
        "object_of_another_origin",
    ),
    **{
        f"a note in another's name, to be read at {place}": (
            "Update",
            _read_at(place),
            "object_attributed_to_another_origin",
        )
        for place in ("as/carol", "as/alice", "there/as/carol", "there/as/eve", "there")
    },
    "another's profile": (
        "Update",
        lambda w: {"object": {"id": w.bob.uri, "type": "Person", "inbox": w.eve.inbox}},
        "object_of_another_actor",
    ),
    "another's note, ended": ("Delete", lambda w: {"object": w.bobs.uri}, "object_of_another_actor"),
    "another's note, as a Tombstone": (
        "Delete",
        lambda w: {"object": {"id": w.bobs.uri, "type": "Tombstone"}},
        "object_of_another_actor",
    ),
    "another host's note, ended": ("Delete", lambda w: {"object": w.carols.uri}, "object_of_another_origin"),
    "a note of this server, ended": ("Delete", lambda w: {"object": w.own.uri}, "object_of_another_origin"),
    "another person, ended": (
        "Delete",
        lambda w: {"object": {"id": w.bob.uri, "type": "Person"}},
        "object_of_another_actor",
    ),
    "a person of this server, ended": (
        "Delete",
        lambda w: {"object": w.alice.uri},
        "object_of_another_origin",
    ),
    "a note in another's name": (
        "Create",
        lambda w: {"object": note(f"{w.eve.uri}/objects/1", w.carol.uri)},
        "object_attributed_to_another_origin",
    ),
    "a note of this server that nobody wrote": (
        "Create",
        lambda w: {"object": note(f"{w.alice.uri}/objects/404", w.alice.uri)},
        "unknown_object",
    ),
    "what another host never said, brought whole": (
        "Create",
        lambda w: {"object": note(f"{w.carol.uri}/objects/404", w.carol.uri)},
        "fetch_not_found",
    ),
    "what another host never said, announced whole": (
        "Announce",
        lambda w: {"object": note(f"{w.carol.uri}/objects/404", w.carol.uri)},
        "fetch_not_found",
    ),
    "an end that another host never said, announced": (
        "Announce",
        lambda w: {
            "object": {
                "id": f"{w.carol.uri}/activities/1",
                "type": "Delete",
                "actor": w.carol.uri,
                "object": w.own.uri,
            }
        },
        "unknown_object",
    ),
    "a yes that another was asked for": (
        "Accept",
        lambda w: {"object": f"{w.alice.uri}/objects/77"},
        "answered_by_another_actor",
    ),
    "a no that another was asked for": (
        "Reject",
        lambda w: {"object": f"{w.alice.uri}/objects/77"},
        "answered_by_another_actor",
    ),
    "a yes that nobody was asked for": (
        "Accept",
        lambda w: {"object": {"type": "Follow", "actor": w.alice.uri, "object": w.eve.uri}},
        "answer_to_nothing_asked",
    ),
    "a boost of another, undone": (
        "Undo",
        lambda w: {"object": f"{w.bob.uri}/boosts/1"},
        "undone_by_another_actor",
    ),
    "a follow of another, undone by what it did": (
        "Undo",
        lambda w: {"object": {"type": "Follow", "actor": w.bob.uri, "object": w.alice.uri}},
        "undone_by_another_actor",
    ),
    "a pin of another": (
        "Add",
        lambda w: {"object": w.bobs.uri, "target": w.eve.featured},
        "object_of_another_actor",
    ),
    "a pin on another's wall": (
        "Add",
        lambda w: {"object": w.bobs.uri, "target": w.bob.featured},
        "collection_of_another_actor",
    ),
    "another, moved": (
        "Move",
        lambda w: {"object": w.bob.uri, "target": w.eve.uri},
        "object_of_another_actor",
    ),
    "a move to who does not know": (
        "Move",
        lambda w: {"object": w.eve.uri, "target": w.alice.uri},
        "move_target_does_not_name_the_actor",
    ),
    "a report of others": ("Flag", lambda w: {"object": [w.carol.uri, w.carols.uri]}, "nobody_reported"),
    "a block of others": ("Block", lambda w: {"object": w.carol.uri}, "unknown_actor"),
    "a follow of others": ("Follow", lambda w: {"object": w.carol.uri}, "unknown_actor"),
    "a vote in no poll": (
        "Create",
        lambda w: {
            "object": {
                "id": f"{w.eve.uri}/votes/1",
                "type": "Note",
                "attributedTo": w.eve.uri,
                "inReplyTo": w.own.uri,
                "name": "yes",
            }
        },
        "unknown_poll",
    ),
}


def test_of_what_is_not_its_senders_to_do_nothing_comes(world: World) -> None:
    before = everything()
    for name, (kind, members, expected) in FORGED.items():
        assert (name, does(world.eve, kind, web(world), **members(world))) == (name, expected)
        assert (name, everything()) == (name, before)

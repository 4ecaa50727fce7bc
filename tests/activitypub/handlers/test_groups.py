"""What a group announces that somebody else has done (Lemmy): it is what the author's own server says."""

from typing import Any

import pytest
from django.utils import timezone

from activitypub.fetching.errors import Gone, NotFetched, NotFound, Reason, Refused
from activitypub.inbox.context import Context, NoEffect
from activitypub.inbox.handlers import announce
from activitypub.models import LocalActor, Post, RemoteActor
from activitypub.protocol.documents.activities import Activity
from activitypub.protocol.documents.activities import activity as parsed
from activitypub.protocol.documents.reading import Document
from tests.activitypub.inbox.effects import activity, does, everything, neighbour
from tests.activitypub.living import post
from tests.activitypub.senders import STREAMS


@pytest.fixture
def group(db: None) -> RemoteActor:
    return neighbour("group", "far.example")


def note(author: RemoteActor, content: str = "<p>new</p>", number: int = 1) -> dict[str, Any]:
    return {
        "@context": STREAMS,
        "id": f"{author.uri}/objects/{number}",
        "type": "Note",
        "attributedTo": author.uri,
        "to": [f"{STREAMS}#Public"],
        "content": content,
    }


def announced(group: RemoteActor, author: RemoteActor, kind: str, what: Any) -> Activity:
    """The group says that the author has done it."""
    return parsed(activity(group, "Announce", object=activity(author, kind, object=what)))


def answered(group: RemoteActor, heard: Activity, uri: str, answer: Document | NotFetched) -> str:
    """What comes of it where the author's server answers so."""
    try:
        announce.handle(Context(group, "", timezone.now(), {uri: answer}), heard)
    except NoEffect as error:
        return error.reason
    except NotFetched as error:
        return error.reason
    return "done"


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seen_by", ["public", "private", "direct"])
@pytest.mark.parametrize(
    "answer",
    [
        NotFound(Reason.NOT_FOUND),
        Refused(Reason.DENIED),
        {"type": "Note"},
    ],
    ids=["not found", "forbidden", "still there"],
)
def test_nobody_ends_what_its_own_server_does_not_say_is_gone(
    bob: RemoteActor, group: RemoteActor, seen_by: str, answer: Document | NotFetched
) -> None:
    # Whoever may not see a post is told that there is none: so is this server, of what is for few.
    theirs = post(bob, 1, "for few")
    Post.objects.update(visibility=seen_by)
    before = everything()
    assert answered(group, announced(group, bob, "Delete", theirs.uri), theirs.uri, answer) != "done"
    assert everything() == before


def test_nobody_changes_another_ones_post_by_what_they_bring(bob: RemoteActor, group: RemoteActor) -> None:
    theirs, mallory = post(bob, 1, "<p>as it was</p>"), neighbour("mallory")
    before = everything()
    brought = activity(bob, "Update", object=note(bob, "<p>forged</p>"))
    assert does(group, "Announce", object=brought) == "fetch_not_found"
    of_another = note(bob) | {"attributedTo": mallory.uri}
    assert does(group, "Announce", {theirs.uri: of_another}, object=brought) == "object_of_another_actor"
    assert everything() == before


def test_nobody_brings_what_a_suspended_person_wrote(bob: RemoteActor, group: RemoteActor) -> None:
    RemoteActor.objects.filter(pk=bob.pk).update(suspended_at=timezone.now())
    theirs, before = note(bob), everything()
    for what in (theirs["id"], activity(bob, "Create", object=theirs)):
        assert does(group, "Announce", {theirs["id"]: theirs}, object=what) == "actor_suspended"
    assert everything() == before


def test_what_is_of_this_server_is_not_announced_away(alice: LocalActor, group: RemoteActor) -> None:
    own = post(alice, 1, "mine")
    before = everything()
    for kind in ("Create", "Update", "Delete"):
        said = {"id": f"{group.uri}/1", "type": kind, "actor": alice.uri, "object": own.uri}
        assert does(group, "Announce", object=said) in ("unknown_object", "known")
    assert everything() == before


# --- Heard -------------------------------------------------------------------------------------------


def test_what_somebody_wrote_or_changed_is_read_at_its_own_server(
    bob: RemoteActor, group: RemoteActor
) -> None:
    for kind, content in (("Create", "<p>first</p>"), ("Update", "<p>second</p>")):
        real = note(bob, content)
        brought = activity(bob, kind, object=note(bob, "<p>forged</p>"))
        assert does(group, "Announce", {real["id"]: real}, object=brought) == "done"
        assert Post.objects.get(author=bob).content == content


@pytest.mark.parametrize("answer", [Gone(Reason.GONE), {"type": "Tombstone"}], ids=["gone", "a Tombstone"])
def test_what_its_own_server_says_is_gone_goes(
    bob: RemoteActor, group: RemoteActor, answer: Document | NotFetched
) -> None:
    theirs = post(bob, 1, "as it was")
    assert answered(group, announced(group, bob, "Delete", theirs.uri), theirs.uri, answer) == "done"
    assert not Post.objects.exists()

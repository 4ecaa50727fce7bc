"""What people do with posts and with each other costs the same however much of it is stored."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activitypub.models import (
    Follow,
    FollowState,
    Like,
    Notification,
    NotificationType,
    Post,
    RemoteActor,
)
from tests.activitypub.inbox.effects import does, neighbour
from tests.activitypub.living import post
from tests.activitypub.plans import scans, steps

Done = tuple[str, Mapping[str, Any]]


def life(one: RemoteActor, own: Post) -> list[Done]:
    """What somebody does here, one thing after the other."""
    mine = post(one, 1, "mine")
    asked = Follow.objects.create(follower=own.author, followee=one, uri=f"{own.author.uri}/to/{one.pk}")
    like = {"type": "Like", "actor": one.uri, "object": own.uri}
    return [
        ("Follow", {"object": own.author.uri}),
        ("Accept", {"object": asked.uri}),
        ("Like", {"object": own.uri}),
        ("Undo", {"object": like}),
        ("Undo", {"object": f"{one.uri}/never"}),
        ("EmojiReact", {"object": own.uri, "content": "🐟"}),
        ("Add", {"object": mine.uri, "target": one.featured}),
        ("Remove", {"object": mine.uri, "target": one.featured}),
        ("Flag", {"object": [own.author.uri, own.uri]}),
        ("QuoteRequest", {"object": own.uri, "instrument": f"{one.uri}/objects/9"}),
        ("Block", {"object": own.author.uri}),
    ]


def many(own: Post) -> None:
    """Others, who have done the same."""
    others = RemoteActor.objects.bulk_create(
        RemoteActor(
            uri=f"https://other.example/users/{n}",
            host="other.example",
            username=str(n),
            inbox="https://other.example/inbox",
        )
        for n in range(300)
    )
    Like.objects.bulk_create(Like(actor=one, post=own) for one in others)
    Follow.objects.bulk_create(
        Follow(follower=one, followee=own.author, state=FollowState.ACCEPTED) for one in others
    )
    Notification.objects.bulk_create(
        Notification(recipient=own.author, actor=one, type=NotificationType.FAVOURITE, post=own)
        for one in others
    )


def queries(one: RemoteActor, done: Done) -> list[str]:
    kind, members = done
    with CaptureQueriesContext(connection) as captured:
        assert does(one, kind, **members) == "done"
    return [query["sql"] for query in captured.captured_queries]


def test_each_asks_as_often_among_many_as_alone(own: Post) -> None:
    bob, eve = neighbour("bob"), neighbour("eve")
    alone = [len(queries(bob, did)) for did in life(bob, own)]
    many(own)
    among = [len(queries(eve, did)) for did in life(eve, own)]
    assert among == alone


@pytest.mark.skipif(settings.CLUSTER, reason="PostgreSQL plans by how many rows there are: here few")
def test_nothing_is_found_by_going_through_a_whole_table(own: Post) -> None:
    bob = neighbour("bob")
    for did in life(bob, own):
        asked = queries(bob, did)
        assert not scans(asked), did[0]
        told = [step for _, step in steps(asked) if "activitypub_notification " in step]
        # By whom alone there may be as many as a person has ever been told.
        assert not [step for step in told if "recipient_id=?" in step and "actor_id=?" not in step]
        assert not [step for step in told if "(post_id=?)" in step]

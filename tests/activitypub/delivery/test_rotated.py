"""Others learn of an actor's new key from the one that they know."""

import json
import re
from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async as in_thread

from activitypub.models import ActorKey, LocalActor
from activitypub.queries.actors import published_keys
from activitypub.services.announcing import announce_change
from activitypub.services.keys import rotate_keys
from tests.activitypub.delivery.conftest import Progress, Working, publish, reader
from tests.activitypub.delivery.inboxes import Inboxes, Post, Reply, status
from tests.activitypub.delivery.verifying import scheme_of, verified_by

KEY_ID = re.compile(r'key[iI]d="([^"]+)"')
OLD, NEW = "main-key", "main-key-2"


def signed_by(post: Post) -> str:
    header = post.headers.get("Signature-Input") or post.headers["Signature"]
    found = KEY_ID.search(header)
    assert found is not None
    return found[1].rpartition("#")[2]


def what_came(inboxes: Inboxes) -> list[tuple[str, str, str]]:
    return [(json.loads(post.body)["type"], signed_by(post), scheme_of(post)) for post in inboxes.posts]


def taking(key: str, scheme: str = "cavage") -> Callable[[Post], Reply]:
    return lambda post: status(202 if (signed_by(post), scheme_of(post)) == (key, scheme) else 401)


@pytest.mark.parametrize("refuses", [False, True])
async def test_the_old_key_tells_of_the_new_and_says_nothing_else(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress, refuses: bool
) -> None:
    """A server that goes by what it knows takes the first; one that looks the actor up, the second."""
    host = inboxes.hosts[0]

    def send() -> None:
        somebody = reader(host, follows=sender)
        rotate_keys(sender)
        publish(sender, somebody)

    await in_thread(send)()
    if refuses:
        inboxes.replies[host] = taking(NEW)
    async with working():
        await progress.left()
    told = [("Update", OLD, "cavage"), ("Update", NEW, "cavage")] if refuses else [("Update", OLD, "cavage")]
    assert what_came(inboxes) == [*told, ("Create", NEW, "cavage")]
    keys = await in_thread(published_keys)(sender)
    assert {verified_by(post, keys) for post in inboxes.posts} == {sender.uri}


async def test_who_takes_neither_key_by_one_scheme_is_asked_by_the_other(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    host = inboxes.hosts[0]
    inboxes.replies[host] = taking(NEW, "rfc9421")

    def send() -> None:
        reader(host, follows=sender)
        rotate_keys(sender)

    await in_thread(send)()
    async with working():
        await progress.left()
    expected = [("Update", OLD, "cavage"), ("Update", NEW, "cavage"), ("Update", NEW, "rfc9421")]
    assert what_came(inboxes) == expected


async def test_without_an_old_key_the_new_one_tells(
    sender: LocalActor, inboxes: Inboxes, working: Working, progress: Progress
) -> None:
    def send() -> None:
        reader(inboxes.hosts[0], follows=sender)
        rotate_keys(sender)
        ActorKey.objects.filter(actor=sender, retires_at__isnull=False).update(private=None)
        announce_change(sender.pk)

    await in_thread(send)()
    async with working():
        await progress.left()
    assert what_came(inboxes) == [("Update", NEW, "cavage")] * 2

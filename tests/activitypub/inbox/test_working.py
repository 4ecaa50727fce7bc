"""What comes of an activity that was kept: its effect, once, in its place."""

from datetime import timedelta
from functools import partial
from typing import cast

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from activitypub.inbox.handlers import HANDLERS, Handler
from activitypub.inbox.working import Worker
from activitypub.models import (
    Boost,
    Deleted,
    Edition,
    Hashtag,
    HostPolicy,
    LocalActor,
    Mention,
    Notification,
    Post,
    Received,
    Severity,
)
from activitypub.remote import session
from activitypub.services import forgetting, working
from hvx.inboxes import Inboxes
from tests.activitypub.fetching.peer import status
from tests.activitypub.inbox.arriving import at_its_address, outcomes, post, worked
from tests.activitypub.senders import Sender, rsa_key
from tests.people import Person


async def test_a_create_becomes_a_post_of_its_author(inboxes: Inboxes, bob: Sender) -> None:
    activity = bob.activity()
    await post(inboxes, bob, activity)
    assert await worked() == ["done"]
    row = await Post.objects.select_related("author").aget()
    assert (row.uri, row.author.uri) == (activity["object"]["id"], bob.uri)
    assert (row.visibility, row.content) == ("public", activity["object"]["content"])


async def test_whom_a_post_names_is_told(inboxes: Inboxes, alice: Person, bob: Sender) -> None:
    actor = await LocalActor.objects.aget(username=alice.username)
    note = bob.activity()["object"] | {"tag": [{"type": "Mention", "href": actor.uri}], "cc": [actor.uri]}
    await post(inboxes, bob, bob.activity(object=note), f"/users/{alice.username}/inbox")
    assert await worked() == ["done"]
    assert await Mention.objects.filter(actor=actor, post__uri=note["id"]).aexists()
    told = await Notification.objects.select_related("actor").aget()
    assert (told.recipient_id, told.type, told.actor.uri) == (actor.pk, "mention", bob.uri)


async def test_a_foreign_object_is_what_its_own_server_says(
    inboxes: Inboxes, bob: Sender, mallory: Sender
) -> None:
    real = at_its_address(bob, bob.activity()["object"])
    forged = real | {"content": "<p>forged</p>", "attributedTo": mallory.uri}
    await post(inboxes, mallory, mallory.activity(object=forged))
    assert await worked() == ["done"]
    row = await Post.objects.select_related("author").aget()
    assert (row.content, row.author.uri) == (real["content"], bob.uri)


# ---- in their order, once each ---------------------------------------------------------------------------


async def test_a_post_is_changed_and_ended_in_the_order_in_which_that_was_said(
    inboxes: Inboxes, bob: Sender
) -> None:
    create = bob.activity()
    note = create["object"]
    for activity in (
        create,
        bob.activity("Update", object=note | {"content": "<p>second</p>", "updated": "2026-11-21T10:00:00Z"}),
        bob.activity("Update", object=note | {"content": "<p>third</p>", "updated": "2026-11-21T11:00:00Z"}),
    ):
        await post(inboxes, bob, activity)
    assert await worked() == ["done"] * 3
    row = await Post.objects.aget()
    assert row.content == "<p>third</p>"
    assert [edition.content async for edition in Edition.objects.order_by("pk")] == [
        note["content"],
        "<p>second</p>",
    ]
    await post(inboxes, bob, bob.activity("Delete", object=note["id"]))
    assert (await worked())[-1] == "done"
    assert not await Post.objects.aexists()


async def test_an_edit_that_changes_no_word_names_nobody_twice(
    inboxes: Inboxes, alice: Person, bob: Sender
) -> None:
    actor = await LocalActor.objects.aget(username=alice.username)
    note = bob.activity()["object"] | {"tag": [{"type": "Mention", "href": actor.uri}]}
    await post(inboxes, bob, bob.activity(object=note))
    page = note["id"] + "/page"
    await post(inboxes, bob, bob.activity("Update", object=note | {"url": page}))
    assert await worked() == ["done", "done"]
    assert (await Post.objects.aget()).url == page
    assert await Mention.objects.acount() == await Notification.objects.acount() == 1


async def test_an_older_edit_that_comes_late_changes_nothing(inboxes: Inboxes, bob: Sender) -> None:
    create = bob.activity()
    note = create["object"]
    newer = note | {"content": "<p>newer</p>", "updated": "2026-11-21T11:00:00Z"}
    older = note | {"content": "<p>older</p>", "updated": "2026-11-21T10:00:00Z"}
    for activity in (create, bob.activity("Update", object=newer), bob.activity("Update", object=older)):
        await post(inboxes, bob, activity)
    assert await worked() == ["done", "done", "outdated"]
    assert (await Post.objects.aget()).content == "<p>newer</p>"


async def test_what_its_author_has_ended_does_not_come_back_by_a_late_create(
    inboxes: Inboxes, bob: Sender
) -> None:
    create = bob.activity()
    await post(inboxes, bob, bob.activity("Delete", object=create["object"]["id"]))
    await post(inboxes, bob, create)
    assert await worked() == ["done", "deleted"]
    assert not await Post.objects.aexists()


async def test_another_of_the_same_host_ends_nothing_that_is_still_to_come(
    inboxes: Inboxes, bob: Sender
) -> None:
    eve = Sender(bob.peer, "eve", rsa_key("eve")).publish()
    create = bob.activity()
    await post(inboxes, eve, eve.activity("Delete", object=create["object"]["id"]))
    await post(inboxes, bob, create)
    assert await worked() == ["done", "done"]
    assert await Post.objects.acount() == 1


async def test_the_same_post_by_two_activities_is_kept_once(inboxes: Inboxes, bob: Sender) -> None:
    create = bob.activity()
    await post(inboxes, bob, create)
    await post(inboxes, bob, bob.activity(object=create["object"]))
    assert await worked() == ["done", "known"]
    assert await Post.objects.acount() == 1


async def test_many_of_many_actors_are_all_worked_through(inboxes: Inboxes, bob: Sender) -> None:
    others = [Sender(bob.peer, f"someone{number}").publish() for number in range(5)]
    activities = [(sender, sender.activity()) for _ in range(12) for sender in others]
    for sender, activity in activities:
        await post(inboxes, sender, activity)
    assert await worked() == ["done"] * 60
    of_each = {
        sender.uri: [one["object"]["id"] for who, one in activities if who is sender] for sender in others
    }
    for uri, notes in of_each.items():
        kept = Post.objects.filter(author__uri=uri).order_by("received_at", "pk")
        assert [row.uri async for row in kept] == notes


# ---- what has no effect ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Update", "Delete"])
async def test_another_ones_post_is_neither_changed_nor_ended(
    inboxes: Inboxes, bob: Sender, kind: str
) -> None:
    eve = Sender(bob.peer, "eve", rsa_key("eve")).publish()
    create = bob.activity()
    note = create["object"]
    await post(inboxes, bob, create)
    changed = {"id": note["id"], "type": "Note", "content": "<p>forged</p>"}
    await post(inboxes, eve, eve.activity(kind, object=changed if kind == "Update" else note["id"]))
    assert await worked() == ["done", "object_of_another_actor"]
    assert (await Post.objects.aget()).content == note["content"]


async def test_a_type_that_means_nothing_here_has_no_effect(inboxes: Inboxes, bob: Sender) -> None:
    await post(inboxes, bob, bob.activity("Listen"))
    assert await worked() == ["unsupported"]


async def test_what_an_actor_sent_before_its_host_was_shut_out_has_no_effect_after(
    inboxes: Inboxes, bob: Sender
) -> None:
    await post(inboxes, bob, bob.activity())
    await HostPolicy.objects.acreate(host="127.0.0.1", severity=Severity.SUSPEND)
    assert await worked() == ["host_suspended"]
    assert not await Post.objects.aexists()


async def test_markup_that_runs_is_cleaned_away(inboxes: Inboxes, bob: Sender) -> None:
    evil = '<p onclick="x()">hello<script>alert(1)</script><a href="javascript:x()">link</a><img src=x></p>'
    await post(inboxes, bob, bob.activity(object=bob.activity()["object"] | {"content": evil}))
    assert await worked() == ["done"]
    content = (await Post.objects.aget()).content
    assert content.startswith("<p>hello<a ")
    assert not any(word in content for word in ("script", "onclick", "alert", "img"))


# ---- what fails, and what is forgotten ------------------------------------------------------------------


async def test_what_cannot_be_had_for_now_is_tried_again_and_the_rest_goes_on(
    inboxes: Inboxes, bob: Sender, mallory: Sender
) -> None:
    note = at_its_address(bob, bob.activity()["object"])
    path = note["id"].removeprefix(bob.peer.url(""))
    answer, bob.peer.answers[path] = bob.peer.answers[path], status("503 Service Unavailable")
    await post(inboxes, mallory, mallory.activity("Announce", object=note["id"]))
    await post(inboxes, mallory, mallory.activity())
    assert await worked() == ["", "done"]
    row = await Received.objects.aget(outcome="")
    assert row.attempts == 1
    assert row.not_before is not None
    bob.peer.answers[path] = answer
    await session.close()
    later = row.not_before + timedelta(seconds=1)
    await Worker(clock=lambda: later).drain()
    assert await outcomes() == ["done", "done"]
    assert await Boost.objects.acount() == 1


async def test_a_fault_of_ours_is_tried_again_some_times_and_undoes_what_was_begun(
    inboxes: Inboxes, bob: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        Hashtag.objects.create(post=Post.objects.get(), name="begun")
        raise RuntimeError("it does not work")

    await post(inboxes, bob, bob.activity())
    assert await worked() == ["done"]
    monkeypatch.setitem(cast(dict[str, Handler], HANDLERS), "Create", fails)
    await post(inboxes, bob, bob.activity())
    now = timezone.now()
    for _ in range(working.MOST_FAULTS):
        assert await outcomes() == ["done", ""]
        now += timedelta(hours=1)
        await Worker(clock=partial(lambda at: at, now)).drain()
    assert await outcomes() == ["done", "failed"]
    assert not await Hashtag.objects.aexists()


async def test_what_was_worked_through_is_known_for_a_week_and_what_waits_for_ever(
    inboxes: Inboxes, bob: Sender
) -> None:
    await post(inboxes, bob, bob.activity("Delete", object=f"{bob.uri}/notes/never-here"))
    assert await worked() == ["done"]
    await post(inboxes, bob, bob.activity())
    forget = sync_to_async(forgetting.forget_old)
    await forget(timezone.now() + timedelta(days=6))
    assert await outcomes() == ["done", ""]
    await forget(timezone.now() + timedelta(days=8))
    assert await outcomes() == [""]
    assert await Deleted.objects.acount() == 1
    await forget(timezone.now() + timedelta(days=31))
    assert await outcomes() == [""]
    assert not await Deleted.objects.aexists()

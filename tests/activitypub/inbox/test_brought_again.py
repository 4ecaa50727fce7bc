"""A Follow, or its Undo, whose id came before, and that is no new one, has no effect."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from activitypub.models import Follow, HostPolicy, Received, Severity
from activitypub.protocol.signatures import integrity_proofs
from activitypub.protocol.signatures.integrity_proofs import with_proof
from hvx.inboxes import Inboxes
from tests.activitypub.inbox.forging import World
from tests.activitypub.inbox.misskey import MINUTE, Misskey, brought, follows, rows, says
from tests.activitypub.inbox.test_proofs import method, with_ed25519
from tests.activitypub.senders import ask, ed25519_key, unsigned_post

# --- What is brought again ---------------------------------------------------------------------------


async def test_what_was_sent_before_and_is_brought_again_has_no_effect(
    inboxes: Inboxes, misskey: Misskey
) -> None:
    first, undo = await says(inboxes, misskey, misskey.follow, misskey.undo)
    misskey.seconds += MINUTE
    before = await rows()
    await brought(inboxes, first, first, undo)
    assert await rows() == before
    assert not await follows()
    second, last = await says(inboxes, misskey, misskey.follow, misskey.undo)
    before = await rows()
    await brought(inboxes, first, second, undo, last)
    assert await rows() == before
    assert not await follows()


async def test_an_undo_brought_again_does_not_end_a_later_follow(inboxes: Inboxes, misskey: Misskey) -> None:
    _, undo, _ = await says(inboxes, misskey, misskey.follow, misskey.undo, misskey.follow)
    await brought(inboxes, undo)
    assert await follows()


async def test_one_that_was_signed_before_the_last_came_and_was_held_back_has_no_effect(
    inboxes: Inboxes, misskey: Misskey
) -> None:
    held = misskey.signed(misskey.follow)
    await says(inboxes, misskey, misskey.follow, misskey.undo)
    await brought(inboxes, held)
    assert not await follows()


async def test_what_is_of_the_second_in_which_the_last_came_is_dropped(
    inboxes: Inboxes, misskey: Misskey
) -> None:
    await says(inboxes, misskey, misskey.follow)
    before = await rows()
    # A date has no parts of a second: this may be a replay, and is taken for one.
    misskey.seconds += 0.4
    await brought(inboxes, misskey.signed(misskey.follow))
    assert await rows() == before
    misskey.seconds += 0.1
    await brought(inboxes, misskey.signed(misskey.follow))
    assert await rows() != before


@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
async def test_a_clock_that_is_ahead_opens_no_time_in_which_it_may_be_brought_again(
    inboxes: Inboxes, misskey: Misskey, scheme: str
) -> None:
    misskey.ahead, misskey.scheme = 40 * MINUTE, scheme
    first, undo = await says(inboxes, misskey, misskey.follow, misskey.undo)
    before = await rows()
    await brought(inboxes, first, undo)
    assert await rows() == before
    await says(inboxes, misskey, misskey.follow)
    assert await follows()
    await brought(inboxes, undo)
    assert await follows()


async def test_nobody_else_of_the_same_host_takes_an_id_over(
    inboxes: Inboxes, misskey: Misskey, world: World
) -> None:
    await says(inboxes, misskey, misskey.follow)
    before = await rows()
    stolen = misskey.follow | {"actor": world.eve.uri}
    undone = world.eve.activity("Undo", id=misskey.follow["id"], object=f"{world.eve.uri}/likes/1")
    for activity in (stolen, undone):
        misskey.seconds += MINUTE
        await brought(inboxes, world.eve.post(activity))
    assert await rows() == before
    follow = await Follow.objects.select_related("follower").aget()
    assert follow.follower.uri == misskey.sender.uri


@pytest.mark.parametrize("kind", ["Create", "Announce", "Like", "Block", "Accept", "Delete"])
async def test_no_other_activity_is_taken_again_however_late_it_was_signed(
    inboxes: Inboxes, misskey: Misskey, kind: str
) -> None:
    activity = misskey.sender.activity(kind, object=f"{misskey.sender.uri}/notes/1")
    assert (await ask(inboxes, misskey.signed(activity))).status == 202
    await Received.objects.aupdate(outcome="done", body=b"")
    before = await rows()
    misskey.seconds += MINUTE
    assert (await ask(inboxes, misskey.signed(activity))).status == 202
    assert await rows() == before


async def test_while_one_waits_the_next_of_its_id_is_dropped(inboxes: Inboxes, misskey: Misskey) -> None:
    assert (await ask(inboxes, misskey.signed(misskey.follow))).status == 202
    await Received.objects.aupdate(attempts=2, not_before=timezone.now() + timedelta(hours=1))
    before = await rows()
    misskey.seconds += MINUTE
    assert (await ask(inboxes, misskey.signed(misskey.follow))).status == 202
    assert await rows() == before


async def test_a_host_that_was_suspended_since_is_refused_and_changes_nothing(
    inboxes: Inboxes, misskey: Misskey
) -> None:
    await says(inboxes, misskey, misskey.follow, misskey.undo)
    before = await rows()
    await HostPolicy.objects.acreate(host="127.0.0.1", severity=Severity.SUSPEND)
    misskey.seconds += MINUTE
    assert (await ask(inboxes, misskey.signed(misskey.follow))).status == 403
    assert await rows() == before


# --- By a proof --------------------------------------------------------------------------------------


def proven(misskey: Misskey, activity: dict[str, Any]) -> dict[str, Any]:
    key = ed25519_key(misskey.sender.name)
    return with_proof(activity, key, method(misskey.sender), misskey.seconds)


async def test_a_proof_of_a_later_time_is_taken_and_an_old_one_is_not(
    inboxes: Inboxes, misskey: Misskey
) -> None:
    with_ed25519(misskey.sender)
    sent = []
    for activity in (misskey.follow, misskey.undo, misskey.follow, misskey.undo):
        misskey.seconds += MINUTE
        sent.append(unsigned_post(proven(misskey, activity)))
        await brought(inboxes, sent[-1])
        assert await follows() == (activity is misskey.follow)
    before = await rows()
    misskey.seconds += MINUTE
    await brought(inboxes, *sent)
    assert await rows() == before


async def test_a_proof_is_no_later_than_the_signature_that_it_first_came_with(
    inboxes: Inboxes, misskey: Misskey, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_ed25519(misskey.sender)
    misskey.ahead = MINUTE

    class WithParts(datetime):
        """Of a server whose proofs say more than the whole second."""

        @classmethod
        def fromtimestamp(cls, timestamp: float, tz: Any = None) -> Any:
            return datetime.fromtimestamp(timestamp, tz).replace(microsecond=400_000)

    with monkeypatch.context() as patched:
        patched.setattr(integrity_proofs, "datetime", WithParts)
        activity = proven(misskey, misskey.follow)
    assert ".4" in activity["proof"]["created"]
    await brought(inboxes, misskey.signed(activity))
    before = await rows()
    await brought(inboxes, unsigned_post(activity))
    assert await rows() == before

"""Activities that arrive here and are worked through, for a test."""

import asyncio
from typing import Any

from asgiref.sync import sync_to_async

from activitypub.inbox.working import Worker
from activitypub.models import Received
from hvx.inboxes import Inboxes
from tests.activitypub.fetching.peer import document
from tests.activitypub.senders import STREAMS, Sender, ask


@sync_to_async
def outcomes() -> list[str]:
    return list(Received.objects.order_by("pk").values_list("outcome", flat=True))


async def worked() -> list[str]:
    """Let a worker work until nothing is left that it can do now; the outcomes in the order of arrival."""
    async with asyncio.timeout(20):
        await Worker().drain()
    return await outcomes()


async def post(inboxes: Inboxes, sender: Sender, activity: dict[str, Any], path: str = "/inbox") -> None:
    assert (await ask(inboxes, sender.post(activity, path))).status == 202


def at_its_address(sender: Sender, note: dict[str, Any]) -> dict[str, Any]:
    """The note, which stands at its own address from now on."""
    whole = {"@context": STREAMS, **note}
    sender.peer.answers[note["id"].removeprefix(sender.peer.url(""))] = document(whole)
    return note

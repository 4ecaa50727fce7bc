"""A person of a Misskey server, for a test: a Follow and its Undo with one id each, again and again."""

import time
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import sync_to_async

from activitypub.inbox.application import _arrival
from activitypub.inbox.authentication import authenticate, claim_of
from activitypub.models import Follow, Received, Sent
from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.services.receiving import Arrival
from hvx.inboxes import Inboxes
from tests.activitypub.inbox.arriving import worked
from tests.activitypub.senders import Sender, ask

MINUTE = 60.0


class Misskey:
    """A person of a Misskey server, whose Follow of somebody has one id, and its Undo too, for ever.

    `seconds` is the time of its clock, by which it signs, and what comes is received `ahead` seconds less.
    """

    def __init__(self, sender: Sender, followee: str) -> None:
        self.sender, self.scheme = sender, "cavage"
        self.seconds, self.ahead = int(time.time()) - 30 * MINUTE + 0.5, 0.0
        self.follow = sender.activity("Follow", id=f"{sender.peer.url('')}/follows/9a/9b", object=followee)
        self.undo = sender.activity("Undo", id=f"{self.follow['id']}/undo", object=self.follow)

    def signed(self, activity: dict[str, Any]) -> SignedRequest:
        return self.sender.post(activity, scheme=self.scheme)

    def received_at(self) -> datetime:
        return datetime.fromtimestamp(self.seconds - self.ahead, UTC)


async def brought(inboxes: Inboxes, *requests: SignedRequest) -> None:
    """Each is answered with 202, and worked through before the next one comes."""
    for request in requests:
        assert (await ask(inboxes, request)).status == 202
        assert set(await worked()) == {"done"}


async def says(inboxes: Inboxes, misskey: Misskey, *activities: dict[str, Any]) -> list[SignedRequest]:
    """The activities as they were sent, with a minute before each."""
    requests = []
    for activity in activities:
        misskey.seconds += MINUTE
        requests.append(misskey.signed(activity))
        await brought(inboxes, requests[-1])
    return requests


@sync_to_async
def rows() -> list[dict[str, Any]]:
    return [dict(row) for row in Received.objects.order_by("pk").values()]


@sync_to_async
def accepts() -> int:
    return Sent.objects.filter(type="Accept").count()


async def follows() -> bool:
    return await Follow.objects.aexists()


async def arrivals(misskey: Misskey, *activities: dict[str, Any]) -> list[Arrival]:
    """The activities as they are signed a minute one after the other."""
    found = []
    for activity in activities:
        misskey.seconds += MINUTE
        claim = claim_of(misskey.signed(activity))
        found.append(_arrival(await authenticate(claim), ""))
    return found

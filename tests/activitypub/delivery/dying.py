"""What the test of a killed worker runs in other processes, on the database that the environment names."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from activitypub.delivery.working import Worker
from activitypub.models import Delivery, Follow, FollowState, RemoteActor
from activitypub.queries.actors import instance
from activitypub.services import outcomes, sending
from activitypub.services.actors import make_missing

FOLLOWERS = 200
ACTIVITIES = 5


def publish() -> None:
    """A few activities for followers on the hosts of the environment, some of whom share an inbox."""
    make_missing()
    sender = instance()
    if not Follow.objects.exists():
        _gather(json.loads(os.environ["HOSTS"]))
    for _ in range(ACTIVITIES):
        uri = sending.new_activity_uri(sender)
        document = {"id": uri, "type": "Create", "actor": sender.uri, "object": {"type": "Note"}}
        sending.send(sender, document, to_followers=True, public=True)
    tell()


def _gather(hosts: list[str]) -> None:
    for number in range(FOLLOWERS):
        host = hosts[number % len(hosts)]
        uri = f"http://{host}/users/u{number}"
        shared = f"http://{host}/inbox" if number % 5 == 0 else ""
        follower = RemoteActor.objects.create(
            uri=uri, host=host, username=f"u{number}", inbox=f"{uri}/inbox", shared_inbox=shared
        )
        Follow.objects.create(follower=follower, followee=instance(), state=FollowState.ACCEPTED)


def tell() -> None:
    """Say what is still to be delivered: activities and inboxes."""
    left = list(Delivery.objects.values_list("activity__uri", "inbox"))
    Path(os.environ["LEFT"]).write_text(json.dumps(left))


def deliver() -> None:
    """Deliver until nothing is left."""
    asyncio.run(_deliver())


async def _deliver() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    settle = outcomes.settle

    def ending(attempts: Any, now: Any) -> None:
        settle(attempts, now)
        if not Delivery.objects.exists():
            loop.call_soon_threadsafe(stop.set)

    outcomes.settle = ending
    await Worker(alone=True).run(stop)

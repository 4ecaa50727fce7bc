"""A life of the inbox's worker, to be killed, and what goes before and after it. Each in a fork."""

import asyncio
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils import timezone

from activitypub.inbox.working import Worker
from activitypub.models import Boost, Post, Received, RemoteActor
from activitypub.services import working

ACTORS = 4
STREAMS = "https://www.w3.org/ns/activitystreams"
PUBLIC = f"{STREAMS}#Public"


def arrive() -> None:
    """Of each actor posts, replies to them, boosts of them, edits and ends, as if they had just come."""
    story = timezone.now().timestamp()
    for number in range(ACTORS):
        uri = f"https://peer.example/users/{number}"
        known = {"host": "peer.example", "username": f"p{number}", "inbox": f"{uri}/inbox"}
        RemoteActor.objects.get_or_create(uri=uri, defaults=known | {"fetched_at": timezone.now()})
        for activity in _story(uri, f"{uri}/{story}"):
            body = json.dumps({"@context": STREAMS, "actor": uri, **activity}).encode()
            digest = hashlib.sha256(activity["id"].encode()).digest()
            Received.objects.create(digest=digest, actor=uri, body=body, received_at=timezone.now())
    connection.close()


def arrived(actor: str, kind: str, what: str = "") -> Received:
    """An activity about a note of its own, or about what stands elsewhere, as if it had just come."""
    number = Received.objects.count()
    note = {
        "id": f"{actor}/notes/{number}",
        "type": "Note",
        "attributedTo": actor,
        "to": [PUBLIC],
        "content": f"{number:06}",
    }
    name = f"{actor}/activities/{number}"
    body = {"@context": STREAMS, "id": name, "type": kind, "actor": actor, "object": what or note}
    digest = hashlib.sha256(name.encode()).digest()
    return Received.objects.create(
        digest=digest, actor=actor, body=json.dumps(body).encode(), received_at=timezone.now()
    )


def _story(actor: str, place: str) -> list[dict[str, Any]]:
    """Eight activities. Of three posts two are left: one, changed twice and boosted, and its answer."""
    notes = [
        {"id": f"{place}/n{n}", "type": "Note", "attributedTo": actor, "to": [PUBLIC], "content": "first"}
        for n in range(3)
    ]
    reply = notes[1] | {"inReplyTo": notes[0]["id"]}
    said = [
        ("Create", notes[0]),
        ("Create", reply),
        ("Create", notes[2]),
        ("Announce", notes[0]["id"]),
        ("Announce", notes[2]["id"]),
        ("Update", notes[0] | {"content": "second", "updated": "2026-01-01T00:00:00Z"}),
        ("Update", notes[0] | {"content": "third", "updated": "2026-01-02T00:00:00Z"}),
        ("Delete", notes[2]["id"]),
    ]
    return [
        {"id": f"{place}/a{number}", "type": kind, "object": what} for number, (kind, what) in enumerate(said)
    ]


def work() -> None:
    """Work through all that waits, and note who did how much."""
    write_down = working._Batch.write_down

    def noting(batch: Any) -> None:
        write_down(batch)
        with Path(os.environ["DID"]).open("a") as did:
            did.write(f"{sum(map(len, batch._outcomes.values()))}\n")

    patched: Any = working._Batch
    patched.write_down = noting
    asyncio.run(Worker().drain())


def tell() -> None:
    """Write down what there is: outcomes, and each story's post."""
    stories = [
        [row.content, row.editions.count(), row.replies_count, row.boosts_count]
        for row in Post.objects.filter(in_reply_to=None).order_by("pk")
    ]
    told = {
        "outcomes": list(Received.objects.exclude(outcome="").values_list("outcome", flat=True)),
        "waiting": Received.objects.filter(outcome="").count(),
        "stories": stories,
        "replies": Post.objects.exclude(in_reply_to=None).count(),
        "boosts": Boost.objects.count(),
    }
    Path(os.environ["LEFT"]).write_text(json.dumps(told))
    connection.close()

"""What comes of documents of other programs, from the signature to the rows: the table in docs/federation.md.

`HVX_TEST_WRITE_TABLES=1` writes the table anew; what has changed in it is then to be read.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db.models import Manager

from activitypub import models
from activitypub.inbox.working import Worker
from activitypub.remote import keys, session
from hvx.inboxes import Inboxes
from tests.activitypub.inbox.real_documents import Sent, documents, send, web_of
from tests.activitypub.senders import Answer, Sender, ask, unsigned_post

pytestmark = pytest.mark.needs("vectors")

PAGE = Path(__file__).parents[3] / "docs" / "federation.md"
BEGIN, END = "<!-- table: made by a test -->\n", "<!-- end of the table -->\n"

EFFECTS: tuple[tuple[Manager[Any], str], ...] = (
    (models.Post.objects, "post"),
    (models.Boost.objects, "boost"),
    (models.Like.objects, "like"),
    (models.Vote.objects, "vote"),
    (models.Follow.objects, "follow"),
    (models.Block.objects, "block"),
    (models.Pin.objects, "pin"),
    (models.Report.objects, "report"),
    (models.Mention.objects, "mention"),
    (models.Hashtag.objects, "hashtag"),
    (models.Deleted.objects, "ended"),
)


@sync_to_async
def effect(sent: Sent, said: str) -> str:
    """What rows there are. What has changed none of these has changed the sender's own."""
    counts = [(name, manager.count()) for manager, name in EFFECTS]
    found = [name if count == 1 else f"{count} {name}s" for name, count in counts if count]
    if said == "done" and not found:
        there = models.RemoteActor.objects.filter(uri=sent.actor).exists()
        found = ["profile" if there else "actor deleted"]
    return ", ".join(found)


@sync_to_async
def empty() -> None:
    for manager, _ in EFFECTS:
        manager.all().delete()
    models.Received.objects.all().delete()
    models.RemoteActor.objects.all().delete()
    keys.forget()


@sync_to_async
def outcome() -> str:
    (found,) = models.Received.objects.values_list("outcome", flat=True)
    return str(found)


async def line(inboxes: Inboxes, bob: Sender, name: str, sent: Sent) -> str:
    """One document sent, accepted or refused, and worked through."""
    answer = await ask(inboxes, bob.signed(unsigned_post(sent.activity), key_id=sent.key_id))
    if answer.status == 202:
        await Worker().drain()
        said = await outcome()
    else:
        said = refused(answer)
    how = f"in {article(sent.wrapped)}" if sent.wrapped else "as it is"
    return f"| {name} | {how} | {answer.status} | {said} | {await effect(sent, said)} |"


def refused(answer: Answer) -> str:
    return str(answer.problem.get("reason", answer.problem["code"]))


def article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "AEIOU" else f"a {kind}"


async def test_of_every_real_document_comes_what_the_page_says(
    inboxes: Inboxes, bob: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name, document in documents(Path(os.environ["HVX_VECTORS"])):
        sent = send(document)
        web = web_of(sent)
        monkeypatch.setattr(session, "documents", lambda web=web: web)
        found.append(await line(inboxes, bob, name, sent))
        await empty()
    monkeypatch.undo()
    head = ["| document | sent | answer | outcome | effect |", "| --- | --- | --- | --- | --- |"]
    table = "\n".join(head + found) + "\n"
    before, _, rest = PAGE.read_text().partition(BEGIN)
    old, _, after = rest.partition(END)
    if os.environ.get("HVX_TEST_WRITE_TABLES"):
        PAGE.write_text(f"{before}{BEGIN}{table}{END}{after}")
    assert len(found) == 124
    assert old == table

"""Quoting, and the leave for it, as a test asks for and gives it."""

from typing import Any

import orjson

from activitypub.models import (
    Post,
    RemoteActor,
    Sent,
)
from activitypub.rendering import PUBLIC
from tests.activitypub.inbox.effects import does, everything
from tests.activitypub.test_outbox import made, note, submit
from tests.people import Person


def quotes(person: Person, quoted: Post, **members: Any) -> Post:
    """What comes of a post that quotes that one."""
    return Post.objects.get(uri=made(person, note(quote=quoted.uri, **members))["object"]["id"])


def refused(person: Person, quoted: Post, **members: Any) -> bool:
    before = everything()
    answer = submit(person, note(quote=quoted.uri, **members))
    assert everything() == before
    return answer.refusal == (403, "not_quotable")


def sent(kind: str) -> list[dict[str, Any]]:
    """What went out of that type, the newest last."""
    return [orjson.loads(bytes(row.body)) for row in Sent.objects.filter(type=kind).order_by("pk")]


def stamp_of(quoted: Post, row: Post, **members: Any) -> dict[str, Any]:
    """What stands at the address of a stamp of another server."""
    return {
        "id": f"{quoted.author.uri}/stamps/1",
        "type": "QuoteAuthorization",
        "attributedTo": quoted.author.uri,
        "interactingObject": row.uri,
        "interactionTarget": quoted.uri,
        **members,
    }


def says_yes(author: RemoteActor, row: Post, stamp: dict[str, Any], **members: Any) -> str:
    """What comes of an Accept of the request that the post has sent."""
    web = {stamp["id"]: stamp}
    given = {"object": f"{row.uri}#quote-request", "result": stamp["id"], **members}
    return does(author, "Accept", web, **given)


def allowed(row: Post) -> Post:
    """The post, by leave of the one of another server whom it quotes."""
    assert row.quote is not None
    author = RemoteActor.objects.get(pk=row.quote.author_id)
    assert says_yes(author, row, stamp_of(row.quote, row)) == "done"
    row.refresh_from_db()
    return row


def state(row: Post) -> tuple[str, str]:
    row.refresh_from_db()
    return row.quote_state, row.quote_authorization


def quoting(author: RemoteActor, quoted: Post, **members: Any) -> dict[str, Any]:
    return {
        "id": f"{author.uri}/objects/5",
        "type": "Note",
        "attributedTo": author.uri,
        "to": [PUBLIC],
        "content": "<p>look</p>",
        "quote": quoted.uri,
        **members,
    }

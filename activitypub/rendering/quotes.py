"""Who may quote a post, and the stamp that lets one post quote another (FEP-044f)."""

from typing import Any, Final

from activitypub.models import Actor, Post, Visibility
from activitypub.rendering.contexts import PUBLIC, STREAMS

STAMP: Final = "QuoteAuthorization"

_STAMP_CONTEXT: Final = (
    STREAMS,
    {
        "gts": "https://gotosocial.org/ns#",
        "QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization",
        "interactingObject": {"@id": "gts:interactingObject", "@type": "@id"},
        "interactionTarget": {"@id": "gts:interactionTarget", "@type": "@id"},
    },
)
_ANSWER_CONTEXT: Final = (STREAMS, {"QuoteRequest": "https://w3id.org/fep/044f#QuoteRequest"})


def quotable_by(post: Post) -> str:
    """Who may quote a post without asking first: everybody what everybody may see, else its author alone."""
    is_open = post.visibility in (Visibility.PUBLIC, Visibility.UNLISTED)
    return PUBLIC if is_open else post.author.uri


def policy_document(post: Post) -> dict[str, Any]:
    """The `interactionPolicy` of a post."""
    return {"canQuote": {"automaticApproval": [quotable_by(post)]}}


def stamp_document(uri: str, post: Post, quoting: str) -> dict[str, Any]:
    """The stamp with this id, by the author of the post that is quoted."""
    return {
        "@context": _STAMP_CONTEXT,
        "id": uri,
        "type": STAMP,
        "attributedTo": post.author.uri,
        "interactingObject": quoting,
        "interactionTarget": post.uri,
    }


def quote_answer_document(
    uri: str, request: str, asker: Actor, post: Post, quoting: str, stamp: str = ""
) -> dict[str, Any]:
    """The Accept with this id, which names the stamp, or without one the Reject."""
    document = {
        "@context": _ANSWER_CONTEXT,
        "id": uri,
        "type": "Accept" if stamp else "Reject",
        "actor": post.author.uri,
        "to": [asker.uri],
        "object": {
            "id": request,
            "type": "QuoteRequest",
            "actor": asker.uri,
            "object": post.uri,
            "instrument": quoting,
        },
    }
    return document | ({"result": stamp} if stamp else {})

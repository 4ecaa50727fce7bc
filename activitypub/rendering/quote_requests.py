"""Asking to quote a post: the request, the answers, and the stamp, given and taken back (FEP-044f)."""

from typing import Any, Final

from activitypub.models import Post, QuoteRequest
from activitypub.rendering.contexts import POST_CONTEXT, STREAMS
from activitypub.rendering.posts import post_document

STAMP: Final = "QuoteAuthorization"
# Behind the address of a post: each asks once.
_REQUEST: Final = "#quote-request"

_REQUEST_TERM: Final = {"QuoteRequest": "https://w3id.org/fep/044f#QuoteRequest"}
_STAMP_CONTEXT: Final = (
    STREAMS,
    {
        "gts": "https://gotosocial.org/ns#",
        "QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization",
        "interactingObject": {"@id": "gts:interactingObject", "@type": "@id"},
        "interactionTarget": {"@id": "gts:interactionTarget", "@type": "@id"},
    },
)


def request_uri(quoting: str) -> str:
    """The id of the request of a post of this server."""
    return f"{quoting}{_REQUEST}"


def quoting_of(request: str) -> str:
    """The id of the post of this server whose request this is; empty if it is none."""
    return request.removesuffix(_REQUEST) if request.endswith(_REQUEST) else ""


def quote_request_document(post: Post) -> dict[str, Any]:
    """The request of a post of this server, for the author of what it quotes, who is to see the post."""
    quoting = post_document(post)
    quoting.pop("@context")
    return {
        "@context": (*POST_CONTEXT, _REQUEST_TERM),
        "id": request_uri(post.uri),
        "type": "QuoteRequest",
        "actor": post.author.uri,
        "to": [post.quote.author.uri] if post.quote else [],
        "object": post.quote_uri,
        "instrument": quoting,
    }


def asked_document(asked: QuoteRequest) -> dict[str, Any]:
    """The request as it came, for the client of who is asked."""
    return {"@context": (STREAMS, _REQUEST_TERM), **_request(asked)}


def quote_answer_document(uri: str, asked: QuoteRequest) -> dict[str, Any]:
    """The answer with this id: an Accept, which names the stamp, or where there is none a Reject."""
    document = {
        "@context": (STREAMS, _REQUEST_TERM),
        "id": uri,
        "type": "Accept" if asked.stamp else "Reject",
        "actor": asked.post.author.uri,
        "to": [asked.asker.uri],
        "object": _request(asked),
    }
    return document | ({"result": asked.stamp} if asked.stamp else {})


def stamp_document(asked: QuoteRequest) -> dict[str, Any]:
    """The stamp that was given, by the author of the post that is quoted."""
    return {
        "@context": _STAMP_CONTEXT,
        "id": asked.stamp,
        "type": STAMP,
        "attributedTo": asked.post.author.uri,
        "interactingObject": asked.quoting_uri,
        "interactionTarget": asked.post.uri,
    }


def stamp_deletion_document(uri: str, asked: QuoteRequest) -> dict[str, Any]:
    """The Delete with this id, which takes a stamp back. It names nothing of what the stamp was for."""
    author = asked.post.author
    return {
        "@context": STREAMS,
        "id": uri,
        "type": "Delete",
        "actor": author.uri,
        "to": [asked.asker.uri],
        "cc": [author.followers],
        "object": asked.stamp,
    }


def _request(asked: QuoteRequest) -> dict[str, Any]:
    return {
        "id": asked.uri,
        "type": "QuoteRequest",
        "actor": asked.asker.uri,
        "object": asked.post.uri,
        "instrument": asked.quoting_uri,
    }

"""What a post's document says of quotes: what it quotes itself, and who may quote it (FEP-044f)."""

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from activitypub.models import Actor, Post, QuotableBy, QuoteState, Visibility
from activitypub.protocol.documents.quotes import QuotePolicy
from activitypub.rendering.contexts import PUBLIC, STREAMS

# FEP-e232: by its `rel`, older programs know that the post is quoted, and not only spoken of.
_LINK: Final = {
    "type": "Link",
    "mediaType": f'application/ld+json; profile="{STREAMS}"',
    "rel": "https://misskey-hub.net/ns#_misskey_quote",
}
# As `content` writes it, and nobody else.
FALLBACK: Final = re.compile(r'\A<p class="quote-inline">RE: <a href="[^"<>]*">[^<>]*</a></p>')


def quoted(post: Post) -> str:
    """The id of what its document says that the post quotes: nothing without leave, or that is no more. While
    leave is asked for, a post of this server says so."""
    asks = post.quote_state == QuoteState.PENDING and not post.author.host
    says = (asks or post.quote_state == QuoteState.ACCEPTED) and post.quote_id is not None
    return post.quote_uri if says else ""


def quote_members(post: Post) -> dict[str, Any]:
    """The members by which a post quotes, in the words of the proposal and of before it."""
    uri = quoted(post)
    if not uri:
        return {}
    members = {"quote": uri, "quoteUrl": uri, "_misskey_quote": uri}
    return members | ({"quoteAuthorization": post.quote_authorization} if post.quote_authorization else {})


def quote_tags(post: Post) -> Iterator[Mapping[str, Any]]:
    """The same as an object link."""
    if uri := quoted(post):
        yield {**_LINK, "href": uri, "name": f"RE: {uri}"}


def content(post: Post) -> str:
    """The text, and of a post of this server before it a line that names what is quoted, for programs that
    know of no quotes. Those that do hide it by its class."""
    uri = escape(quoted(post))
    if not uri or post.author.host or f'"{uri}"' in post.content:
        return post.content
    return f'<p class="quote-inline">RE: <a href="{uri}">{uri}</a></p>{post.content}'


def quote_policy(post: Post) -> QuotePolicy:
    """Who may quote a post of this server: nobody but its author what is not for everybody."""
    author = post.author
    if post.visibility not in (Visibility.PUBLIC, Visibility.UNLISTED):
        return policy(author, QuotableBy.NOBODY, QuotableBy.NOBODY)
    return policy(
        author,
        post.quote_automatic_approval or author.quote_automatic_approval,
        post.quote_manual_approval or author.quote_manual_approval,
    )


def policy(author: Actor, automatic: str, manual: str) -> QuotePolicy:
    """What an author lets others do, as a policy. Who lets nobody names itself: an empty list would be as if
    nothing was said."""
    names = {QuotableBy.PUBLIC: (PUBLIC,), QuotableBy.FOLLOWERS: (author.followers,)}
    return QuotePolicy(
        automatic=names.get(QuotableBy(automatic), (author.uri,)), manual=names.get(QuotableBy(manual), ())
    )


def policy_document(found: QuotePolicy) -> dict[str, Any]:
    """The `interactionPolicy` of a post."""
    manual = {"manualApproval": list(found.manual)} if found.manual else {}
    return {"canQuote": {"automaticApproval": list(found.automatic)} | manual}

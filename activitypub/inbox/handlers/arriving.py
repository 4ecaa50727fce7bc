"""A post on its way in: read, held to be its author's, and kept."""

from functools import partial

from activitypub.fetching.errors import NotFetched
from activitypub.inbox.context import Context, NoEffect, is_local
from activitypub.models import Actor, Post, QuoteState
from activitypub.post_columns import address
from activitypub.protocol import authority
from activitypub.protocol.documents import objects, shapes, vocabulary
from activitypub.protocol.documents.quotes import Quote
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import RefusedDocument
from activitypub.protocol.uris import same_origin
from activitypub.queries.hosts import suspended_among
from activitypub.remote import stamps
from activitypub.services import posts, quotes, quoting


def read(document: Document) -> objects.Post:
    """A document as a post. Raises NoEffect for what is none, or lacks a part."""
    if vocabulary.first_of(shapes.types(document), vocabulary.POSTS) is None:
        raise NoEffect("unsupported_object")
    try:
        return objects.post(document)
    except RefusedDocument as error:
        raise NoEffect(error.refusal) from None


def fetched(context: Context, uri: str, *, fresh: bool = False) -> objects.Post:
    """The post that stands at an address of another server. Raises NoEffect, Needs and what fetching does."""
    if is_local(uri):
        raise NoEffect("unknown_object")
    post = read(context.fetch(uri, fresh=fresh))
    if not post.attributed_to:
        raise NoEffect("object_author_missing")
    if reason := authority.against_fetched(post.id, post.attributed_to, post.id):
        raise NoEffect(reason)
    return post


def keep(context: Context, post: objects.Post) -> Post:
    """Keep a post of which its author, or its own server, has told. Raises NoEffect if it is known, or has
    ended."""
    if not post.id.isascii():
        raise NoEffect("object_id_not_ascii")
    if posts.is_known(post.id):
        raise NoEffect("known")
    author = author_of(context, post)
    if posts.was_deleted(post.id, author):
        raise NoEffect("deleted")
    stamp = _stamp(context, post, author)
    row = posts.store(post, author, now=context.now, quote_authorization=stamp)
    if row.in_reply_to_uri and row.in_reply_to_id is None and not is_local(row.in_reply_to_uri):
        context.want(row.in_reply_to_uri)
    return row


def revise(context: Context, row: Post, post: objects.Post) -> bool:
    """Let a post say and quote what its document does now; whether that is different."""
    # The stamp that was read before is not read with each edit.
    stamp = "" if _holds(row, post) else _stamp(context, post, row.author)
    changed = posts.revise(row, post, now=context.now)
    uri = address(post.quote.uri) if post.quote else ""
    return quotes.replace(row, uri, posts.known(uri) if uri else None, stamp) or changed


def _holds(row: Post, post: objects.Post) -> bool:
    if post.quote is None or row.quote_state != QuoteState.ACCEPTED or post.quote.uri != row.quote_uri:
        return False
    return post.quote.authorization in (None, row.quote_authorization)


def author_of(context: Context, post: objects.Post) -> Actor:
    """Of those whom it names, the sender, or else the first (PeerTube names a channel beside the person).

    Raises NoEffect for one of another server than the post's, however the post has come here.
    """
    names = post.attributed_to
    sent = not names or context.actor.uri in names
    if not same_origin(post.id, context.actor.uri if sent else names[0]):
        raise NoEffect(authority.Reason.ATTRIBUTED_ELSEWHERE)
    if sent:
        return context.actor
    author = context.actor_at(names[0])
    if not author.host:
        raise NoEffect(authority.Reason.ATTRIBUTED_ELSEWHERE)
    if author.suspended_at is not None:
        raise NoEffect("actor_suspended")
    return author


def _stamp(context: Context, post: objects.Post, author: Actor) -> str:
    """The stamp by which the post may quote what it quotes; empty without one that holds. What cannot be had
    now keeps no post waiting: it quotes without leave then."""
    if post.quote is None:
        return ""
    quoted = posts.known(post.quote.uri) or _quoted(context, post, post.quote)
    if quoted is None:
        return ""
    if not quoted.author.host:
        return quoting.stamp_given(post.id, author, quoted)
    stamp = post.quote.authorization
    try:
        if stamp is None or stamps.against(partial(context.fetch, fresh=True), stamp, post.id, quoted):
            return ""
    except NotFetched:
        return ""
    return stamp


def _quoted(context: Context, post: objects.Post, quote: Quote) -> Post | None:
    """What is quoted and not here yet: with a stamp it is needed now, to know whose that has to be."""
    if is_local(quote.uri):
        return None
    if quote.authorization is None:
        # Nothing but one's own is quoted without.
        if same_origin(quote.uri, post.id):
            context.want(quote.uri)
        return None
    try:
        found = fetched(context, quote.uri)
        author = author_of(context, found)
        if not found.id.isascii() or posts.was_deleted(found.id, author) or suspended_among({author.host}):
            return None
        return posts.known(found.id) or posts.store(found, author, now=context.now)
    except (NoEffect, NotFetched):
        return None

"""A post on its way in: read, held to be its author's, and kept."""

from activitypub.inbox.context import Context, NoEffect, is_local
from activitypub.models import Actor, Post
from activitypub.protocol import authority
from activitypub.protocol.documents import objects, shapes, vocabulary
from activitypub.protocol.documents.quotes import quote_authorization
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import RefusedDocument
from activitypub.services import posts, quoting


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
    stamp = _stamp(context, post)
    row = posts.store(post, author, now=context.now, quote_authorization=stamp)
    if row.in_reply_to_uri and row.in_reply_to_id is None and not is_local(row.in_reply_to_uri):
        context.want(row.in_reply_to_uri)
    return row


def author_of(context: Context, post: objects.Post) -> Actor:
    """Of those whom it names, the sender, or else the first (PeerTube names a channel beside the person)."""
    names = post.attributed_to
    if not names or context.actor.uri in names:
        return context.actor
    author = context.actor_at(names[0])
    if not author.host:
        raise NoEffect(authority.Reason.ATTRIBUTED_ELSEWHERE)
    if author.suspended_at is not None:
        raise NoEffect("actor_suspended")
    return author


def _stamp(context: Context, post: objects.Post) -> str:
    """The stamp by which the post may quote what it quotes; empty without one that holds."""
    if post.quote is None or post.quote.authorization is None:
        return ""
    quoted = posts.known(post.quote.uri)
    if quoted is None:
        return ""
    if is_local(post.quote.authorization):
        held = quoting.holds(post.quote.authorization, post.id, quoted)
        return post.quote.authorization if held else ""
    stamp = quote_authorization(context.fetch(post.quote.authorization))
    if stamp is None or authority.against_stamp(stamp, post.id, post.quote.uri, quoted.author.uri):
        return ""
    return stamp.id

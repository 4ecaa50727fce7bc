"""Posts of other servers by their id: those that are kept, and others fetched and kept."""

from django.db import IntegrityError
from django.utils import timezone

from activitypub.fetching.errors import Gone, NotFetched, Reason, Refused
from activitypub.models import Actor, Post
from activitypub.protocol import authority
from activitypub.protocol.documents import objects
from activitypub.protocol.documents.refusals import RefusedDocument
from activitypub.remote import actors, stamps
from activitypub.remote.objects import fetch
from activitypub.services import posts, quoting


def resolve(uri: str) -> Post:
    """The post with this id; one of this server is not fetched.

    Raises Gone, NotFound, DownForNow, Refused.
    """
    known = posts.known(uri)
    if known is not None:
        return known
    actors.require_elsewhere(uri)
    try:
        post = objects.post(fetch(uri))
    except RefusedDocument as error:
        raise Refused(Reason.BAD_DOCUMENT, "", error.refusal.value) from None
    if authority.against_fetched(post.id, post.attributed_to, uri) or not post.attributed_to:
        raise Refused(Reason.ID_ELSEWHERE)
    if not post.id.isascii() or post.is_vote:
        raise Refused(Reason.BAD_URL)
    author = actors.resolve(post.attributed_to[0])
    if author.uri != post.attributed_to[0]:
        # Its address leads to somebody else, of any server, who has not written this.
        raise Refused(Reason.ID_ELSEWHERE, author.host)
    if author.suspended_at is not None:
        raise Refused(Reason.ACTOR_SUSPENDED, author.host)
    if posts.was_deleted(post.id, author):
        raise Gone(Reason.GONE)
    try:
        return posts.store(post, author, now=timezone.now(), quote_authorization=_stamp(post, author))
    except IntegrityError:
        # Somebody else has brought it meanwhile.
        found = posts.known(post.id)
        if found is None:
            raise
        return found


def _stamp(post: objects.Post, author: Actor) -> str:
    """The stamp by which it quotes what is known here; empty without one that holds."""
    quoted = posts.known(post.quote.uri) if post.quote else None
    if post.quote is None or quoted is None:
        return ""
    if not quoted.author.host:
        return quoting.stamp_given(post.id, author, quoted)
    stamp = post.quote.authorization
    try:
        return "" if stamp is None or stamps.against(fetch, stamp, post.id, quoted) else stamp
    except NotFetched:
        return ""

"""Leave to quote a post of this server (FEP-044f): asked for, given as a stamp, and looked up again."""

import orjson
from django.db import transaction

from activitypub.models import Actor, HostBlock, LocalActor, NotificationType, Post, RemoteActor, Sent
from activitypub.protocol import authority
from activitypub.protocol.documents.quotes import quote_authorization
from activitypub.rendering.contexts import PUBLIC
from activitypub.rendering.quotes import STAMP, quotable_by, quote_answer_document, stamp_document
from activitypub.services import sending
from activitypub.services.notifications import notify


@transaction.atomic
def ask(asker: RemoteActor, post: Post, quoting: str, request: str) -> bool:
    """Somebody asks, by the QuoteRequest with that id, to quote a post of a person here in theirs, `quoting`.
    They get a stamp if the policy of the post says so, or else a no; whether it was a stamp.

    Whoever calls has seen to it that they may see the post, and that `quoting` is of their origin.
    """
    author = LocalActor.objects.get(pk=post.author_id)
    allowed = quotable_by(post) == PUBLIC and not _is_unwanted(asker, author)
    stamp = _stamp(author, post, quoting) if allowed else ""
    answer = quote_answer_document(sending.new_activity_uri(author), request, asker, post, quoting, stamp)
    # Not under the post's address: what is on its way is sent even if the post is deleted.
    sending.send(author, answer, to=[asker], object_uri=request)
    return allowed


def holds(stamp: str, quoting: str, quoted: Post) -> bool:
    """Whether a stamp with this id was given here, and lets one post quote the other."""
    row = Sent.objects.filter(uri=stamp, type=STAMP).first()
    found = quote_authorization(orjson.loads(bytes(row.body))) if row is not None else None
    if found is None:
        return False
    return authority.against_stamp(found, quoting, quoted.uri, quoted.author.uri) is None


def _stamp(author: LocalActor, post: Post, quoting: str) -> str:
    """Keep a stamp, and let a post that came before it be the quote that it is; return its id."""
    uri = sending.new_activity_uri(author)
    document = stamp_document(uri, post, quoting)
    # With the post goes the stamp.
    Sent.objects.create(actor=author, uri=uri, type=STAMP, object_uri=post.uri, body=orjson.dumps(document))
    row = (
        Post.objects.select_related("author").filter(uri=quoting, quote=post, quote_authorization="").first()
    )
    if row is not None:
        row.quote_authorization = uri
        row.save(update_fields=["quote_authorization"])
        notify(post.author, row.author, NotificationType.QUOTE, row)
    return uri


def _is_unwanted(asker: Actor, author: LocalActor) -> bool:
    return HostBlock.objects.filter(actor=author, host=asker.host).exists()

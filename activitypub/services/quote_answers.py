"""What is said of a quote after it was published: leave given, refused and taken back (FEP-044f).

By the author of what is quoted, here or elsewhere. The post here that quotes is sent to all again, so that
they see what it is now.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from django.db import transaction
from django.db.models import Q

from activitypub.errors import UnknownQuoteRequest
from activitypub.models import LocalActor, Notification, NotificationType, Post, QuoteRequest, QuoteState
from activitypub.rendering.quote_requests import STAMP, stamp_deletion_document
from activitypub.services import editing, posts, publishing, quotes, quoting, sending
from activitypub.services.presence import require_here

# A Delete of a stamp takes a few hundred bytes: nobody has this server send books for them.
MOST_PASSED_ON: Final = 16 * 1024


@transaction.atomic
def granted(row: Post, stamp: str) -> bool:
    """The author lets this post quote by that stamp, which was verified; whether that is new."""
    return quotes.settle(row, QuoteState.ACCEPTED, stamp) and _sent_again(row)


@transaction.atomic
def refused(row: Post) -> bool:
    """The author does not let this post quote, or no longer; whether that is new."""
    if row.quote_state in (QuoteState.REJECTED, QuoteState.REVOKED):
        return False
    before = row.quote_state
    state = QuoteState.REVOKED if before == QuoteState.ACCEPTED else QuoteState.REJECTED
    return quotes.settle(row, state) and _sent_again(row)


@transaction.atomic
def taken_back(row: Post, delete: bytes) -> bool:
    """The author has deleted the stamp of this post, by that Delete, as it came; whether that is new.

    Who has a post of this server is passed the Delete on, and sent the post as it is then.
    """
    if row.quote_state == QuoteState.ACCEPTED and not row.author.host and len(delete) <= MOST_PASSED_ON:
        editing.pass_on(cast(LocalActor, row.author), row, delete, "Delete")
    return refused(row)


def accept(actor: LocalActor, asked: QuoteRequest) -> Mapping[str, Any]:
    """Let a person give leave to who asks, also after a no. Returns the Accept.

    Raises UnknownQuoteRequest where it was given, or taken back for good, UnknownActor.
    """
    with transaction.atomic():
        require_here(actor)
        asked = _locked(asked)
        if asked.state not in (QuoteState.PENDING, QuoteState.REJECTED):
            raise UnknownQuoteRequest
        quoting.grant(asked)
        _forget_question(asked)
        row = quoting.quoting_post(asked)
        if row is not None:
            _sent_again(row)
        return quoting.answer(asked)


def reject(actor: LocalActor, asked: QuoteRequest) -> Mapping[str, Any]:
    """Let a person refuse who asks. Returns the Reject.

    Raises UnknownQuoteRequest where it was answered, UnknownActor.
    """
    with transaction.atomic():
        require_here(actor)
        asked = _locked(asked)
        if asked.state != QuoteState.PENDING:
            raise UnknownQuoteRequest
        asked.state = QuoteState.REJECTED
        asked.save(update_fields=["state"])
        _forget_question(asked)
        row = quoting.quoting_post(asked)
        if row is not None:
            refused(row)
        return quoting.answer(asked)


def revoke(actor: LocalActor, asked: QuoteRequest) -> Mapping[str, Any]:
    """Let a person take back a stamp. Returns the Delete, which goes to who asked, to one's followers, who
    may have seen the quote, and to all who have a quote of this server.

    Raises UnknownQuoteRequest where there is none, UnknownActor.
    """
    with transaction.atomic():
        require_here(actor)
        asked = _locked(asked)
        if asked.state != QuoteState.ACCEPTED:
            raise UnknownQuoteRequest
        document = stamp_deletion_document(sending.new_activity_uri(actor), asked)
        posts.forget(asked.stamp, STAMP)
        row = quoting.quoting_post(asked)
        own = row if row is not None and not row.author.host else None
        sending.send(
            actor,
            document,
            to=[asked.asker, *(editing.readers(own) if own else ())],
            to_followers=True,
            followers_of=publishing.followed(own) if own else None,
            object_uri=asked.stamp,
        )
        asked.state, asked.stamp = QuoteState.REVOKED, ""
        asked.save(update_fields=["state", "stamp"])
        if row is not None:
            refused(row)
    return document


def named(actor: LocalActor, which: Q) -> QuoteRequest | None:
    """The request that this says, of those about the person's posts."""
    asked = QuoteRequest.objects.select_related("asker", "post__author")
    return asked.filter(which, post__author_id=actor.pk).first()


def _locked(asked: QuoteRequest) -> QuoteRequest:
    rows = QuoteRequest.objects.select_for_update(of=("self",)).select_related("asker", "post__author")
    found = rows.filter(pk=asked.pk).first()
    if found is None:
        raise UnknownQuoteRequest
    return found


def _sent_again(row: Post) -> bool:
    if not row.author.host:
        editing.send_again(cast(LocalActor, row.author), row)
    return True


def _forget_question(asked: QuoteRequest) -> None:
    """Unless the same one asks to quote the same in another post too."""
    rows = QuoteRequest.objects.filter(asker=asked.asker, post=asked.post, state=QuoteState.PENDING)
    if not rows.exists():
        Notification.objects.filter(
            recipient_id=asked.post.author_id,
            actor_id=asked.asker_id,
            type=NotificationType.QUOTE_REQUEST,
            post_id=asked.post_id,
        ).delete()

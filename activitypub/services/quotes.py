"""What a post quotes, as its row says it: whether by the other author's leave, and what comes of that."""

from django.db import transaction
from django.db.models import F

from activitypub.models import Actor, NotificationType, Post, QuoteRequest, QuoteState
from activitypub.services.notifications import notify


def first_state(author: Actor, quoted: Post | None, stamp: str) -> QuoteState:
    """What a quote is when it comes. One's own post is quoted by no leave, that of another by a stamp, which
    was verified."""
    if quoted is not None and (stamp or quoted.author_id == author.pk):
        return QuoteState.ACCEPTED
    return QuoteState.PENDING


@transaction.atomic(savepoint=False)
def settle(row: Post, state: QuoteState, stamp: str = "") -> bool:
    """Let a quote have this state, by this stamp; whether it had another before. Of one that is accepted its
    author is told, and it is counted as long as it is."""
    before = _locked(row)
    if before is None or (before.quote_state, before.quote_authorization) == (state, stamp):
        return False
    row.quote_state, row.quote_authorization = state, stamp
    row.save(update_fields=["quote_state", "quote_authorization"])
    if before.quote_state != state:
        _counted(before.quote_id, state, before.quote_state)
        tell(row)
    return True


@transaction.atomic(savepoint=False)
def replace(row: Post, uri: str, quoted: Post | None, stamp: str) -> bool:
    """Let a post quote what its document says now; whether that is different. `stamp` was verified.

    What was accepted stays so where the document names no stamp: it may be older than the answer.
    """
    if uri == row.quote_uri:
        state = first_state(row.author, quoted, stamp)
        return state == QuoteState.ACCEPTED and settle(row, state, stamp or row.quote_authorization)
    before = _locked(row)
    if before is None:
        return False
    _counted(before.quote_id, "", before.quote_state)
    row.quote, row.quote_uri, row.quote_authorization = quoted, uri, stamp
    row.quote_state = first_state(row.author, quoted, stamp) if uri else ""
    row.save(update_fields=["quote", "quote_uri", "quote_authorization", "quote_state"])
    count(row)
    tell(row)
    return True


def count(row: Post) -> None:
    """Count a quote that has just come to be."""
    _counted(row.quote_id, row.quote_state, "")


def end(row: Post) -> None:
    """Count a quote no more whose post is about to be deleted, and keep no leave for it."""
    _counted(row.quote_id, "", row.quote_state)
    if row.quote_id is not None:
        QuoteRequest.objects.filter(quoting_uri=row.uri).delete()


def tell(row: Post) -> None:
    """Let the author of what is quoted know, if it is here and accepted."""
    if row.quote_state == QuoteState.ACCEPTED and row.quote is not None:
        notify(row.quote.author, row.author, NotificationType.QUOTE, row)


@transaction.atomic(savepoint=False)
def adopt(quoted: Post) -> None:
    """Join the posts that quoted it before it was here."""
    rows = Post.objects.filter(quote_uri=quoted.uri, quote=None)
    own = rows.filter(author_id=quoted.author_id).update(quote=quoted, quote_state=QuoteState.ACCEPTED)
    rows.update(quote=quoted)
    if own:
        Post.objects.filter(pk=quoted.pk).update(quotes_count=F("quotes_count") + own)


def _locked(row: Post) -> Post | None:
    columns = ("quote", "quote_state", "quote_authorization")
    return Post.objects.select_for_update().only(*columns).filter(pk=row.pk).first()


def _counted(quoted: int | None, now: str, before: str) -> None:
    more = (now == QuoteState.ACCEPTED) - (before == QuoteState.ACCEPTED)
    if quoted is not None and more:
        Post.objects.filter(pk=quoted).update(quotes_count=F("quotes_count") + more)

"""Leave to quote (FEP-044f): asked of people here by anybody, and by people here of anybody."""

from typing import Any, cast

from django.db import transaction
from django.db.models import Q

from activitypub.errors import NotQuotable
from activitypub.models import (
    Actor,
    Block,
    Follow,
    FollowState,
    HostBlock,
    LocalActor,
    NotificationType,
    Post,
    QuotableBy,
    QuoteRequest,
    QuoteState,
    Visibility,
)
from activitypub.protocol.documents.quotes import QuotePolicy
from activitypub.queries.hosts import suspended_among
from activitypub.queries.posts import OPEN
from activitypub.rendering.contexts import POST_CONTEXT, PUBLIC
from activitypub.rendering.quote_requests import (
    quote_answer_document,
    quote_request_document,
    request_uri,
)
from activitypub.rendering.quotes import policy, policy_document, quote_policy
from activitypub.services import quotes, sending
from activitypub.services.notifications import notify
from activitypub.services.presence import require_here

# Of one actor about one post: whoever waits for more answers means to fill tables.
MOST_WAITING = 20


@transaction.atomic
def ask(asker: Actor, post: Post, quoting: str, request: str) -> QuoteState:
    """Somebody asks, by the QuoteRequest with that id, to quote a post of a person here in theirs, `quoting`.
    They get what its policy says: a stamp, a no, or that the author is to decide. Who asks again hears again
    what was said.

    Whoever calls has seen to it that they may see the post, and that `quoting` is of their origin.
    """
    asked = QuoteRequest(asker=asker, post=post, quoting_uri=quoting, uri=request)
    before = QuoteRequest.objects.select_for_update().filter(post=post, quoting_uri=quoting).first()
    if _is_unwanted(asker, post.author) or (before is not None and before.asker_id != asker.pk):
        asked.state = QuoteState.REJECTED
    elif before is None:
        asked.state = _by_policy(asked)
    else:
        asked, asked.uri, asked.asker, asked.post = before, request, asker, post
        asked.save(update_fields=["uri"])
    if asked.state == QuoteState.ACCEPTED and not asked.stamp:
        grant(asked)
    elif asked.state == QuoteState.PENDING:
        if before is None:
            asked.save()
        notify(post.author, asker, NotificationType.QUOTE_REQUEST, post)
    if asked.state != QuoteState.PENDING:
        answer(asked)
    return QuoteState(asked.state)


def grant(asked: QuoteRequest) -> None:
    """Keep a stamp, and let a post that came before it be the quote that it is. In the open transaction."""
    asked.state, asked.stamp = QuoteState.ACCEPTED, sending.new_activity_uri(author_of(asked))
    asked.save()
    row = quoting_post(asked)
    if row is not None:
        quotes.settle(row, QuoteState.ACCEPTED, asked.stamp)


def answer(asked: QuoteRequest, uri: str = "") -> dict[str, Any]:
    """Tell the server of who asked, by an Accept or Reject with this id; return that."""
    author = author_of(asked)
    document = quote_answer_document(uri or sending.new_activity_uri(author), asked)
    # Not under the post's address: what is on its way is sent even if the post is deleted.
    sending.send(author, document, to=[asked.asker], object_uri=asked.uri)
    return document


def quoting_post(asked: QuoteRequest) -> Post | None:
    """The post for which leave was asked, if it is here, and quotes."""
    own = Q(uri=asked.quoting_uri, quote_id=asked.post_id, author_id=asked.asker_id)
    return Post.objects.select_related("author", "quote__author").filter(own).first()


def stamp_given(quoting: str, author: Actor, post: Post) -> str:
    """The stamp by which a post of that author quotes one of this server; empty if there is none."""
    given = QuoteRequest.objects.filter(post=post, quoting_uri=quoting, state=QuoteState.ACCEPTED)
    return given.filter(asker_id=author.pk).values_list("stamp", flat=True).first() or ""


def require_quotable(actor: LocalActor, quoted: Post, visibility: Visibility, named: set[int]) -> None:
    """Raises NotQuotable for what a person may not quote in a post for those: another's that is not for
    everybody or whose author lets nobody, and one's own where more could see that it is there. `named` are
    actors, by key, for whom the post is in any case: what is not for everybody is shown to the author who is
    asked, and so has to be for that one."""
    is_open = visibility in OPEN
    if quoted.author_id == actor.pk:
        allowed = quoted.visibility in OPEN or (quoted.visibility == Visibility.PRIVATE and not is_open)
    else:
        allowed = (
            quoted.visibility in OPEN
            and (is_open or quoted.author_id in named)
            and not _is_unwanted(actor, quoted.author)
            and not suspended_among({quoted.author.host} - {""})
            and _may(actor, quoted.author, _told_policy(quoted)) is not False
        )
    if not allowed:
        raise NotQuotable


def ask_here(actor: LocalActor, row: Post) -> None:
    """Of a new post that quotes one of another person here: ask at once, so that what is sent has the stamp.
    In the caller's transaction."""
    if row.quote is None or row.quote.author.host or row.quote_state != QuoteState.PENDING:
        return
    if ask(actor, row.quote, row.uri, request_uri(row.uri)) == QuoteState.REJECTED:
        raise NotQuotable
    row.refresh_from_db(fields=["quote_state", "quote_authorization"])


def ask_there(actor: LocalActor, row: Post) -> None:
    """Of a new post that quotes one of another server: ask its author. In the caller's transaction."""
    if row.quote is None or not row.quote.author.host or row.quote_state != QuoteState.PENDING:
        return
    sending.send(actor, quote_request_document(row), to=[row.quote.author], object_uri=row.uri)


def set_policy(actor: LocalActor, automatic: QuotableBy, manual: QuotableBy) -> dict[str, Any]:
    """Let these quote what a person publishes from now on, where the post does not say it itself. Returns the
    Update, which is sent to nobody: others read it in each post. Raises UnknownActor."""
    with transaction.atomic():
        require_here(actor)
        LocalActor.objects.filter(pk=actor.pk).update(
            quote_automatic_approval=automatic, quote_manual_approval=manual
        )
    said = policy_document(policy(actor, automatic, manual))
    return {
        "@context": POST_CONTEXT,
        "id": sending.new_activity_uri(actor),
        "type": "Update",
        "actor": actor.uri,
        "object": {"id": actor.uri, "type": actor.type, "interactionPolicy": said},
    }


def author_of(asked: QuoteRequest) -> LocalActor:
    """Who is asked."""
    return cast(LocalActor, asked.post.author)


def _by_policy(asked: QuoteRequest) -> QuoteState:
    may = _may(asked.asker, asked.post.author, quote_policy(asked.post))
    if may is not None:
        return QuoteState.ACCEPTED if may else QuoteState.REJECTED
    waiting = QuoteRequest.objects.filter(asker=asked.asker, post=asked.post, state=QuoteState.PENDING)
    return QuoteState.PENDING if waiting.count() < MOST_WAITING else QuoteState.REJECTED


def _may(asker: Actor, author: Actor, said: QuotePolicy | None) -> bool | None:
    """Whether a policy lets somebody quote; None where the author is to decide, or nothing is known."""
    if said is None:
        return None
    names = {asker.uri, PUBLIC}
    if author.followers in {*said.automatic, *said.manual} and _follows(asker, author):
        names.add(author.followers)
    return said.answer(names)


def _told_policy(post: Post) -> QuotePolicy | None:
    """The policy of a post, of another server as far as its document told it."""
    if not post.author.host:
        return quote_policy(post)
    automatic, manual = post.quote_automatic_approval, post.quote_manual_approval
    return policy(post.author, automatic, manual) if automatic and manual else None


def _follows(asker: Actor, author: Actor) -> bool:
    return Follow.objects.filter(follower=asker, followee=author, state=FollowState.ACCEPTED).exists()


def _is_unwanted(asker: Actor, author: Actor) -> bool:
    blocked = Block.objects.filter(actor=author, target=asker).exists()
    return blocked or HostBlock.objects.filter(actor=author, host=asker.host).exists()

"""A post as a client writes it, as a draft. What the server sets itself is not looked at: id and times."""

import re
from typing import Any, Final

from activitypub.errors import ActivityRefused
from activitypub.models import LocalActor, QuotableBy
from activitypub.outbox import finding
from activitypub.outbox.refusals import Reason
from activitypub.post_columns import VISIBILITIES, quotable_by
from activitypub.protocol.composing import MARKDOWN
from activitypub.protocol.documents import objects, shapes
from activitypub.protocol.documents.objects import Post
from activitypub.protocol.documents.quotes import QuotePolicy
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import RefusedDocument
from activitypub.protocol.visibility import visibility
from activitypub.rendering.quotes import FALLBACK
from activitypub.services.publishing import HTML, WRITTEN, Draft, PollDraft

# As they are found in texts; what else a client calls one is left out.
_HASHTAG = re.compile(r"\w{1,100}")

TYPES: Final = {kind.value: kind for kind in WRITTEN}


def draft(actor: LocalActor, document: Document, around: Document, *, new: bool = True) -> Draft:
    """The object of an activity as a draft, for those to whom either of the two is addressed. What it answers
    and quotes is looked for if it is new: no edit changes that.

    Raises ActivityRefused, UnknownRecipient, UnknownPost.
    """
    require_own(actor, document)
    post = _read(actor, document)
    if post.type not in TYPES:
        raise ActivityRefused(Reason.OBJECT)
    to = _addressed(document, around, "to")
    cc = (*_addressed(document, around, "cc"), *_addressed(document, around, "audience"))
    own = {shapes.PUBLIC, actor.followers, actor.uri}
    mentioned = [mention.href for mention in post.tags.mentions]
    parent = finding.post_at(actor, post.in_reply_to) if new and post.in_reply_to else None
    quoted = finding.post_at(actor, post.quote.uri) if new and post.quote else None
    automatic, manual = quotable(actor, post.quote_policy) if post.quote_policy else (None, None)
    text, media_type = _text(document, post)
    return Draft(
        text=text,
        media_type=media_type,
        visibility=VISIBILITIES[visibility(to, cc, actor.followers)],
        type=TYPES[post.type],
        name=post.name.value if post.name else "",
        summary=post.summary.value if post.summary else "",
        sensitive=post.sensitive,
        language=post.language or "",
        parent=parent,
        quote=quoted,
        automatic_approval=automatic,
        manual_approval=manual,
        addressed=finding.recipients(uri for uri in (*to, *cc, *mentioned) if uri not in own),
        hashtags=[hashtag.name for hashtag in post.tags.hashtags if _HASHTAG.fullmatch(hashtag.name)],
        attachments=_attachments(document),
        poll=_poll(post),
    )


def vote_of(actor: LocalActor, document: Document) -> Post | None:
    """The object of a Create, if it is a vote: a Note with the name of an option, and no content."""
    require_own(actor, document)
    post = _read(actor, document)
    return post if post.is_vote and not shapes.mapping(document.get("source")) else None


def require_own(actor: LocalActor, document: Document) -> None:
    """Raises ActivityRefused for what names another actor or author, or has recipients whom the others are
    not to know of: this server sends everybody the same."""
    for name, reason in (("actor", Reason.ACTOR), ("attributedTo", Reason.AUTHOR)):
        if shapes.many(document.get(name)) and shapes.uris(document[name]) != (actor.uri,):
            raise ActivityRefused(reason)
    if shapes.many(document.get("bto")) or shapes.many(document.get("bcc")):
        raise ActivityRefused(Reason.BLIND)


def quotable(actor: LocalActor, policy: QuotePolicy) -> tuple[QuotableBy, QuotableBy]:
    """Whom a policy lets quote, at once and after being asked. Raises ActivityRefused for others than
    everybody, the author's followers or nobody."""
    automatic, manual = (quotable_by(names, actor) for names in (policy.automatic, policy.manual))
    if not automatic or not manual:
        raise ActivityRefused(Reason.QUOTE_POLICY)
    return automatic, manual


def _read(actor: LocalActor, document: Document) -> Post:
    try:
        # Whatever id the client gives it: it gets another one.
        return objects.post({**document, "id": actor.uri})
    except RefusedDocument as error:
        raise ActivityRefused(error.refusal) from None


def _addressed(document: Document, around: Document, name: str) -> tuple[str, ...]:
    return shapes.addressees([*shapes.many(document.get(name)), *shapes.many(around.get(name))])


def _text(document: Document, post: Post) -> tuple[str, str]:
    """What was typed: the source if there is one, and else the content, which is HTML if it does not say."""
    source = shapes.mapping(document.get("source"))
    typed = shapes.string(source.get("content"))
    if typed is not None:
        return typed, shapes.string(source.get("mediaType")) or MARKDOWN
    content = post.content.value if post.content else ""
    # Of a post that was read here, changed and sent back: the line is written anew.
    return FALLBACK.sub("", content, count=1), post.media_type or HTML


def _poll(post: Post) -> PollDraft | None:
    if post.poll is None:
        return None
    names = [option.name for option in post.poll.options]
    return PollDraft(names, post.poll.multiple, post.poll.end_time)


def _attachments(document: Document) -> list[Any]:
    given = shapes.many(document.get("attachment"))
    if len(objects.attachments(given)) != len(given):
        raise ActivityRefused(Reason.ATTACHMENT)
    return given

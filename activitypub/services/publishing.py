"""Publishing: what a person writes becomes a post, and goes to whom it is for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from html import escape
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from rest_framework import serializers

from activitypub import cleaning, rendering
from activitypub.models import (
    Actor,
    ErrandKind,
    LocalActor,
    Post,
    PostType,
    QuotableBy,
    Visibility,
)
from activitypub.post_columns import VISIBILITIES
from activitypub.protocol.composing import MARKDOWN, PLAIN, Composed, Named, compose
from activitypub.protocol.documents import objects
from activitypub.protocol.documents.interactions import Interaction
from activitypub.protocol.visibility import addressed
from activitypub.protocol.webfinger import Handle
from activitypub.queries.posts import OPEN
from activitypub.remote import handles
from activitypub.services import errands, posts, quoting, sending
from activitypub.services.permitting import require_permitted
from activitypub.services.presence import require_active

MAX_TEXT = 20_000
MAX_SUMMARY = 500
MAX_NAME = 300
MAX_MENTIONS = 50
MAX_HASHTAGS = 50
MAX_ATTACHMENTS = 16

HTML = "text/html"
WRITTEN = (PostType.NOTE, PostType.ARTICLE, PostType.QUESTION)
MIN_OPTIONS, MAX_OPTIONS = 2, 10
MAX_OPTION = 100
SHORTEST_POLL, LONGEST_POLL = timedelta(minutes=5), timedelta(days=366)
_SEEN_BY = {column: seen_by for seen_by, column in VISIBILITIES.items()}


@dataclass(frozen=True)
class PollDraft:
    """What is asked: names of options, whether one may choose several, and until when."""

    options: Sequence[str]
    multiple: bool
    end_time: datetime | None


@dataclass(frozen=True)
class Draft:
    """What somebody wants to say. `media_type` is that of `text`: Markdown, plain text, or HTML, in which
    nothing is looked for: whom it mentions is in `addressed`, and its hashtags in `hashtags`.

    `summary` is a content warning, plain text as `name` is. `parent` is what it answers and `quote` what it
    quotes, which the author was found to see. Who may quote it, at once and after being asked, is as the
    author wants it of all where it is None. `attachments` are documents as `protocol.documents.objects` reads
    them.
    """

    text: str
    media_type: str = MARKDOWN
    visibility: Visibility = Visibility.PUBLIC
    type: PostType = PostType.NOTE
    name: str = ""
    summary: str = ""
    sensitive: bool = False
    language: str = ""
    parent: Post | None = None
    quote: Post | None = None
    automatic_approval: QuotableBy | None = None
    manual_approval: QuotableBy | None = None
    addressed: Sequence[Actor] = ()
    hashtags: Sequence[str] = ()
    attachments: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    poll: PollDraft | None = None


@dataclass(frozen=True)
class Published:
    """A post, and the activity that tells of it, as it is sent."""

    post: Post
    activity: Mapping[str, Any]


def create_post(actor: LocalActor, draft: Draft) -> Published:
    """Publish a post: keep it, tell the people here whom it names, and send it to all others it is for.

    Raises DRF's ValidationError with what is too long or of no known kind, InteractionRefused, NotQuotable,
    UnknownActor where the author was erased.
    """
    return prepare_post(actor, draft)()


def prepare_post(actor: LocalActor, draft: Draft) -> Callable[[], Published]:
    """All of `create_post` that may wait for other servers: names are looked up there. What is given back
    does the rest, in one transaction."""
    now = timezone.now()
    _require_poll(draft, now)
    composed, mentioned = written(actor, draft)
    if draft.parent is not None:
        require_permitted(actor, draft.parent, Interaction.REPLY)
    if draft.quote is not None:
        quoting.require_quotable(actor, draft.quote, draft.visibility, {one.pk for one in mentioned})
    document = document_of(actor, draft, composed, mentioned, now)

    @transaction.atomic
    def publish() -> Published:
        require_active(actor)
        post = posts.store(
            objects.post(document), actor, now=now, source=draft.text, source_type=draft.media_type
        )
        if draft.poll is not None and draft.poll.end_time is not None:
            errands.put(ErrandKind.POLL_ENDED, post=post, due_at=draft.poll.end_time.replace(microsecond=0))
        quoting.ask_here(actor, post)
        activity = rendering.create_document(post, sending.new_activity_uri(actor))
        send_about(actor, post, activity, mentioned, public=post.visibility in OPEN)
        # Behind the post: whoever is asked has it then.
        quoting.ask_there(actor, post)
        return Published(post, activity)

    return publish


def send_about(
    actor: LocalActor, post: Post, activity: Mapping[str, Any], mentioned: Sequence[Actor], *, public: bool
) -> None:
    """Send an activity to all who are to have the post that it is about. `public`: the outbox shows it."""
    sending.send(
        actor,
        activity,
        to=readers(post, mentioned),
        to_followers=followed(post) is not None,
        public=public,
        object_uri=post.uri,
    )


def readers(post: Post, mentioned: Iterable[Actor]) -> list[Actor]:
    """Who is to have a post, beside who follows its author."""
    to = list(mentioned)
    if post.visibility in OPEN:
        # Their servers count it, and show it with what it answers or quotes.
        to += [other.author for other in (post.in_reply_to, post.quote) if other is not None]
    return to


def followed(post: Post) -> Actor | None:
    """The author of a post that is for followers too."""
    return post.author if post.visibility != Visibility.DIRECT else None


def like_before(post: Post, draft: Draft) -> Draft:
    """The draft of an edit: what an edit does not change is as the post has it."""
    before = [mention.actor for mention in post.mentions.select_related("actor")]
    return replace(
        draft,
        type=PostType(post.type),
        visibility=Visibility(post.visibility),
        parent=post.in_reply_to,
        quote=post.quote,
        automatic_approval=draft.automatic_approval or _approval(post.quote_automatic_approval),
        manual_approval=draft.manual_approval or _approval(post.quote_manual_approval),
        poll=None,
        addressed=list({one.pk: one for one in (*before, *draft.addressed)}.values()),
    )


def _approval(column: str) -> QuotableBy | None:
    return QuotableBy(column) if column else None


def written(actor: LocalActor, draft: Draft) -> tuple[Composed, Sequence[Actor]]:
    """The text as HTML, and all who are named or addressed; names are looked up on other servers.

    Raises DRF's ValidationError.
    """
    _require_valid(draft)
    if draft.media_type == HTML:
        return Composed(html=cleaning.clean(draft.text), hashtags=list(draft.hashtags)), draft.addressed
    first = compose(draft.text, draft.media_type, {}, rendering.hashtag_address)
    if len(first.named) > MAX_MENTIONS:
        raise serializers.ValidationError({"content": [f"names more than {MAX_MENTIONS}"]})
    asked = {named: Handle(named.username, named.host or settings.HVX_HOST) for named in first.named}
    known = handles.resolve(set(asked.values()))
    found: dict[Named, Actor] = {name: known[handle] for name, handle in asked.items() if handle in known}
    pages = {named: one.url or one.uri for named, one in found.items()}
    composed = compose(draft.text, draft.media_type, pages, rendering.hashtag_address)
    composed.html = cleaning.clean(composed.html)
    composed.hashtags.extend(draft.hashtags)
    everybody = {one.pk: one for one in (*found.values(), *draft.addressed) if one.pk != actor.pk}
    return composed, list(everybody.values())


def document_of(
    actor: LocalActor, draft: Draft, composed: Composed, mentioned: Sequence[Actor], published: datetime
) -> dict[str, Any]:
    """The draft as `posts.store` reads posts: what is typed as plain text stands in it as HTML."""
    to, cc = addressed(_SEEN_BY[draft.visibility], actor.followers, [one.uri for one in mentioned])
    return {
        "id": sending.new_activity_uri(actor),
        "type": draft.type.value,
        "attributedTo": actor.uri,
        "to": list(to),
        "cc": list(cc),
        "published": published.isoformat(),
        "name": escape(draft.name, quote=False) or None,
        "summary": escape(draft.summary, quote=False) or None,
        "content": composed.html,
        "contentMap": {draft.language: composed.html} if draft.language else None,
        # What stands behind a warning is sensitive, as elsewhere.
        "sensitive": draft.sensitive or bool(draft.summary),
        "inReplyTo": draft.parent.uri if draft.parent else None,
        "quote": draft.quote.uri if draft.quote else None,
        "interactionPolicy": rendering.policy_document(
            rendering.policy(
                actor,
                draft.automatic_approval or actor.quote_automatic_approval,
                draft.manual_approval or actor.quote_manual_approval,
            )
        ),
        "tag": [
            *({"type": "Mention", "href": one.uri} for one in mentioned),
            *({"type": "Hashtag", "name": f"#{name}"} for name in composed.hashtags[:MAX_HASHTAGS]),
        ],
        "attachment": list(draft.attachments),
        **_poll_members(draft.poll),
    }


def _poll_members(poll: PollDraft | None) -> dict[str, Any]:
    if poll is None:
        return {}
    options = [{"type": "Note", "name": name} for name in poll.options]
    end_time = poll.end_time.replace(microsecond=0).isoformat() if poll.end_time else None
    return {"anyOf" if poll.multiple else "oneOf": options, "endTime": end_time}


def _require_poll(draft: Draft, now: datetime) -> None:
    """Raises DRF's ValidationError for a Question without a poll, a poll in anything else, and one in which
    nobody could vote, or for ever."""
    faults: dict[str, list[str]] = {}
    if (draft.type == PostType.QUESTION) != (draft.poll is not None):
        faults["type"] = ["a Question, and nothing else, has options"]
    elif draft.poll is not None:
        options, end = draft.poll.options, draft.poll.end_time
        if not MIN_OPTIONS <= len(options) <= MAX_OPTIONS or len(set(options)) < len(options):
            faults["options"] = [f"{MIN_OPTIONS} to {MAX_OPTIONS} different ones"]
        if any(not name.strip() or len(name) > MAX_OPTION for name in options):
            faults["options"] = [f"1 to {MAX_OPTION} characters each"]
        if end is None or not now + SHORTEST_POLL <= end <= now + LONGEST_POLL:
            faults["endTime"] = ["from five minutes to a year from now"]
    if faults:
        raise serializers.ValidationError(faults)


def _require_valid(draft: Draft) -> None:
    faults: dict[str, list[str]] = {}
    for name, text, most in (
        ("content", draft.text, MAX_TEXT),
        ("summary", draft.summary, MAX_SUMMARY),
        ("name", draft.name, MAX_NAME),
    ):
        if len(text) > most:
            faults.setdefault(name, []).append(f"at most {most} characters")
        if "\0" in text:
            faults.setdefault(name, []).append("holds a NUL")
    if not (draft.text.strip() or draft.attachments or draft.quote):
        faults.setdefault("content", []).append("says nothing")
    if draft.media_type not in (MARKDOWN, PLAIN, HTML):
        faults["mediaType"] = [f"must be {MARKDOWN}, {PLAIN} or {HTML}"]
    if draft.type not in WRITTEN:
        faults["type"] = ["must be Note, Article or Question"]
    if len(draft.attachments) > MAX_ATTACHMENTS:
        faults["attachment"] = [f"at most {MAX_ATTACHMENTS}"]
    if len(draft.addressed) > MAX_MENTIONS:
        faults["to"] = [f"at most {MAX_MENTIONS} by name"]
    if faults:
        raise serializers.ValidationError(faults)

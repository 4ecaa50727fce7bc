"""What people publish: Note, Article, Page, Question, Image, Audio, Video, Event; and what is left of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from activitypub.protocol.documents import shapes, vocabulary
from activitypub.protocol.documents.interactions import Interaction, limits
from activitypub.protocol.documents.polls import Poll, poll
from activitypub.protocol.documents.quotes import Quote, QuotePolicy, quote, quote_policy
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument
from activitypub.protocol.documents.shapes import Link, Text
from activitypub.protocol.documents.tags import Tags, tags

MAX_ATTACHMENTS: Final = 64
MAX_LINKS: Final = 64

_ATTACHMENTS: Final = frozenset({"Document", "Image", "Audio", "Video", "Page", "Link"})


@dataclass(frozen=True, slots=True)
class Attachment:
    """Media or a page by reference. `description` is for those who cannot see it; `focal_point` is x and y
    in -1 to 1, the part that is to stay in view."""

    type: str
    link: Link
    description: str | None
    blurhash: str | None
    focal_point: tuple[float, float] | None
    duration: int | None


@dataclass(frozen=True, slots=True)
class Post:
    """A post as its document tells it. Texts are raw: HTML from elsewhere, to be cleaned before anybody
    sees it.

    `attributed_to` are all that it names, PeerTube's channel beside the person among them. `page` is the
    address for browsers. `links` are all of `url`: for a Video or Audio its files. `language` is that of
    the content.
    """

    type: str
    id: str
    attributed_to: tuple[str, ...]
    name: Text | None
    summary: Text | None
    content: Text | None
    media_type: str | None
    language: str | None
    sensitive: bool
    in_reply_to: str | None
    to: tuple[str, ...]
    cc: tuple[str, ...]
    audience: tuple[str, ...]
    tags: Tags
    attachments: tuple[Attachment, ...]
    poll: Poll | None
    quote: Quote | None
    quote_policy: QuotePolicy | None
    limits: Mapping[Interaction, tuple[str, ...]]
    page: str | None
    links: tuple[Link, ...]
    image: Link | None
    context: str | None
    replies: str | None
    published: datetime | None
    updated: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    duration: int | None
    raw: Document = field(repr=False)

    @property
    def is_vote(self) -> bool:
        """A Note that answers a Question with nothing but the name of an option."""
        return (
            self.type == "Note"
            and self.name is not None
            and self.in_reply_to is not None
            and self.content is None
        )


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left of an object, or of an actor, that was deleted."""

    id: str
    former_type: str | None
    deleted: datetime | None
    raw: Document = field(repr=False)


def post(document: Document) -> Post:
    """Return the document as a post. RefusedDocument without id or type, and for over 100 options."""
    kind = vocabulary.first_of(shapes.types(document), vocabulary.POSTS)
    if kind is None:
        raise RefusedDocument(Refusal.TYPE_MISSING)
    content = shapes.text(document, "content")
    links = shapes.links(shapes.many(document.get("url"))[:MAX_LINKS])
    found = tags(document.get("tag"))
    return Post(
        type=kind,
        id=_id(document),
        attributed_to=shapes.uris(document.get("attributedTo")),
        name=shapes.text(document, "name"),
        summary=shapes.text(document, "summary"),
        content=content,
        media_type=shapes.string(document.get("mediaType")),
        language=(content.language if content else None) or _language(document),
        sensitive=shapes.flag(document.get("sensitive")),
        in_reply_to=shapes.uri(shapes.one(document.get("inReplyTo"))),
        to=shapes.addressees(document.get("to")),
        cc=shapes.addressees(document.get("cc")),
        audience=shapes.addressees(document.get("audience")),
        tags=found,
        attachments=attachments(document.get("attachment")),
        poll=poll(document) if kind == "Question" else None,
        quote=quote(document, found),
        quote_policy=quote_policy(document),
        limits=limits(document),
        page=shapes.page(links),
        links=links,
        image=shapes.link(shapes.one(document.get("image"))) or shapes.link(shapes.one(document.get("icon"))),
        context=shapes.uri(shapes.one(document.get("context"))),
        replies=shapes.uri(shapes.one(document.get("replies"))),
        published=shapes.moment(document.get("published")),
        updated=shapes.moment(document.get("updated")),
        start_time=shapes.moment(document.get("startTime")),
        end_time=shapes.moment(document.get("endTime")),
        duration=shapes.duration(document.get("duration")),
        raw=document,
    )


def tombstone(document: Document) -> Tombstone:
    """Return the document as a tombstone. RefusedDocument without an id."""
    return Tombstone(
        id=_id(document),
        former_type=shapes.string(document.get("formerType")),
        deleted=shapes.moment(document.get("deleted")),
        raw=document,
    )


def attachments(value: Any) -> tuple[Attachment, ...]:
    """Return what of `attachment` can be fetched: a profile's fields, for one, cannot."""
    found = (_attachment(item) for item in shapes.many(value)[:MAX_ATTACHMENTS])
    return tuple(attachment for attachment in found if attachment)


def _attachment(value: Any) -> Attachment | None:
    if not isinstance(value, dict):
        return None
    kind = vocabulary.first_of(shapes.types(value), _ATTACHMENTS)
    link = shapes.link(value)
    if kind is None or link is None:
        return None
    return Attachment(
        type=kind,
        link=link,
        # Mastodon writes it in `name`, others in `summary` or, as Owncast, in `content`.
        description=link.name or shapes.string(value.get("summary")) or shapes.string(value.get("content")),
        blurhash=shapes.string(value.get("blurhash")),
        focal_point=_focal_point(value.get("focalPoint")),
        duration=shapes.duration(value.get("duration")),
    )


def _focal_point(value: Any) -> tuple[float, float] | None:
    if isinstance(value, list) and len(value) == 2 and all(type(part) in (int, float) for part in value):
        x, y = (float(part) for part in value)
        if -1 <= x <= 1 and -1 <= y <= 1:
            return x, y
    return None


def _language(document: Document) -> str | None:
    """Where the content says nothing: Lemmy's `language`, Mobilizon's `inLanguage`."""
    given = shapes.one(document.get("language"))
    identifier = given.get("identifier") if isinstance(given, dict) else given
    return shapes.language(identifier) or shapes.language(shapes.one(document.get("inLanguage")))


def _id(document: Document) -> str:
    name = shapes.uri(document)
    if name is None:
        raise RefusedDocument(Refusal.ID_MISSING)
    return name

"""Actors of other servers, as their documents tell them (ActivityPub §4.1)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from activitypub.protocol.documents import keys, shapes, vocabulary
from activitypub.protocol.documents.keys import Multikey, PemKey
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument
from activitypub.protocol.documents.shapes import Link, Text
from activitypub.protocol.documents.tags import Tags, tags
from activitypub.protocol.uris import origin_of, same_origin
from activitypub.protocol.webfinger import is_username

MAX_FIELDS: Final = 64
MAX_ALIASES: Final = 256


@dataclass(frozen=True, slots=True)
class Field:
    """A row of a profile (PropertyValue). The value is HTML from elsewhere."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class RemoteActorDocument:
    """An actor's document. Texts are raw.

    `host` is that of the id, as it stands in a handle; whether the handle is true, WebFinger says.
    `webfinger` is the handle that the actor claims (FEP-2c59). The shared inbox and the collections are of
    the id's origin or not there. `keys` and `multikeys` are the actor's own; `key_references` are to be
    fetched. `key_packages` is as it was sent (swicg/activitypub-e2ee).
    """

    type: str
    id: str
    username: str
    host: str
    webfinger: str | None
    inbox: str
    shared_inbox: str | None
    outbox: str | None
    followers: str | None
    following: str | None
    featured: str | None
    featured_tags: str | None
    name: Text | None
    summary: Text | None
    page: str | None
    icon: Link | None
    image: Link | None
    fields: tuple[Field, ...]
    tags: Tags
    keys: tuple[PemKey, ...]
    multikeys: tuple[Multikey, ...]
    key_references: tuple[str, ...]
    manually_approves_followers: bool
    discoverable: bool | None
    indexable: bool
    memorial: bool
    suspended: bool
    also_known_as: tuple[str, ...]
    moved_to: str | None
    attributed_to: tuple[str, ...]
    published: datetime | None
    updated: datetime | None
    key_packages: Any = field(repr=False)
    raw: Document = field(repr=False)

    @property
    def is_automated(self) -> bool:
        return self.type in ("Application", "Service")


def actor(document: Document) -> RemoteActorDocument:
    """Return the document as an actor. RefusedDocument without type, id, inbox or username."""
    kind = vocabulary.first_of(shapes.types(document), vocabulary.ACTORS)
    if kind is None:
        raise RefusedDocument(Refusal.TYPE_MISSING)
    name = shapes.uri(document)
    origin = origin_of(name) if name else None
    if name is None or origin is None or "#" in name:
        raise RefusedDocument(Refusal.ID_MISSING)
    inbox = shapes.uri(shapes.one(document.get("inbox")))
    if inbox is None:
        raise RefusedDocument(Refusal.INBOX_MISSING)
    username = shapes.string(document.get("preferredUsername"))
    if username is None or not is_username(username):
        raise RefusedDocument(Refusal.USERNAME_MISSING)

    def own(value: Any) -> str | None:
        # Followers of another origin would be an audience that this actor does not have; without a shared
        # inbox of its own everything still reaches the inbox.
        found = shapes.uri(shapes.one(value))
        return found if found and same_origin(found, name) else None

    links = shapes.links(shapes.many(document.get("url"))[:MAX_FIELDS])
    return RemoteActorDocument(
        type=kind,
        id=name,
        username=username,
        host=origin.authority,
        webfinger=shapes.string(document.get("webfinger")),
        inbox=inbox,
        shared_inbox=own(shapes.mapping(document.get("endpoints")).get("sharedInbox")),
        outbox=own(document.get("outbox")),
        followers=own(document.get("followers")),
        following=own(document.get("following")),
        featured=own(document.get("featured")),
        featured_tags=own(document.get("featuredTags")),
        name=shapes.text(document, "name"),
        summary=shapes.text(document, "summary"),
        page=shapes.page(links),
        icon=_picture(document.get("icon")),
        image=_picture(document.get("image")),
        fields=_fields(document.get("attachment")),
        tags=tags(document.get("tag")),
        keys=keys.pem_keys(name, document.get("publicKey")),
        multikeys=keys.multikeys(name, document.get("assertionMethod")),
        key_references=keys.key_references(document.get("publicKey")),
        manually_approves_followers=shapes.flag(document.get("manuallyApprovesFollowers")),
        discoverable=_discoverable(document),
        indexable=shapes.flag(document.get("indexable")),
        memorial=shapes.flag(document.get("memorial")),
        suspended=shapes.flag(document.get("suspended")),
        also_known_as=shapes.uris(document.get("alsoKnownAs"))[:MAX_ALIASES],
        moved_to=shapes.uri(shapes.one(document.get("movedTo"))),
        attributed_to=shapes.uris(document.get("attributedTo")),
        published=shapes.moment(document.get("published")),
        updated=shapes.moment(document.get("updated")),
        key_packages=document.get("keyPackages"),
        raw=document,
    )


def _picture(value: Any) -> Link | None:
    """Return the largest of several sizes, or the first where no size is told."""
    found = shapes.links(shapes.many(value)[:MAX_FIELDS])
    return max(found, key=lambda link: (link.width or 0) * (link.height or 0), default=None)


def _fields(value: Any) -> tuple[Field, ...]:
    found = []
    for item in shapes.many(value)[:MAX_FIELDS]:
        if isinstance(item, dict) and "PropertyValue" in shapes.types(item):
            name, content = shapes.string(item.get("name")), shapes.string(item.get("value"))
            if name is not None:
                found.append(Field(name, content or ""))
    return tuple(found)


def _discoverable(document: Document) -> bool | None:
    # Takahē leaves the word out of its context and so has to write it with the prefix.
    given = document.get("discoverable", document.get("toot:discoverable"))
    return given if isinstance(given, bool) else None

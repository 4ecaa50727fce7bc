"""WebFinger: from a handle to an actor and back (RFC 7033), by host-meta where a server has nothing else.

A handle belongs to an actor only if the loop closes: the handle's host names the actor, and the actor's
own document names the handle.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from activitypub.protocol import xrd
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.media_types import is_activitypub
from activitypub.protocol.negotiation import ACTIVITY
from activitypub.protocol.uris import host_name, is_uri, origin_of

PROFILE_PAGE: Final = "http://webfinger.net/rel/profile-page"
SUBSCRIBE: Final = "http://ostatus.org/schema/1.0/subscribe"
LRDD: Final = "lrdd"

MAX_RESOURCE_CHARACTERS: Final = 2048
MAX_LINKS: Final = 128

# What can stand in a handle without being taken for anything else in one.
_USERNAME = r"[^\s@/:?#\\\"<>%\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]{1,255}"
_HANDLE = re.compile(rf"@?({_USERNAME})@([^@/?#\s:]{{1,253}})(?::([0-9]{{1,5}}))?")


class Reason(StrEnum):
    """Why a handle is not the actor's."""

    NO_SELF_LINK = "webfinger_without_actor"
    NO_SUBJECT = "webfinger_without_subject"
    OTHER_ACTOR = "webfinger_names_another_actor"
    OTHER_HANDLE = "webfinger_names_another_handle"
    OTHER_USERNAME = "actor_has_another_username"


@dataclass(frozen=True, slots=True)
class Handle:
    """`username@host`; the host in lower-case A-labels, with its port if it has one of its own."""

    username: str
    host: str

    def __str__(self) -> str:
        return f"{self.username}@{self.host}"

    @property
    def acct(self) -> str:
        """The URI of RFC 7565."""
        return f"acct:{self}"

    def equals(self, other: "Handle") -> bool:
        """Whether both name the same account: servers find usernames in any case."""
        return self.host == other.host and self.username.casefold() == other.username.casefold()


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a server says of a resource, in JSON or XML. `subject` is None if it is no whole handle."""

    subject: Handle | None
    aliases: tuple[str, ...]
    actor: str | None
    profile_page: str | None
    subscribe: str | None


# ---- asked of us ------------------------------------------------------------------------------


def resource(text: str) -> Handle | str | None:
    """Return what `resource=` asks for: a handle (`acct:` may be left out), a URI of http or https, or None
    for what can be neither."""
    if len(text) > MAX_RESOURCE_CHARACTERS:
        return None
    if is_uri(text):
        return text
    return handle(text[5:] if text[:5].lower() == "acct:" else text)


def handle(text: str) -> Handle | None:
    """Return `username@host` or `@username@host`, as people write it."""
    match = _HANDLE.fullmatch(text)
    if match is None:
        return None
    username, host, port = match[1], host_name(match[2]), match[3]
    if host is None or (port is not None and not 0 < int(port) < 65536):
        return None
    # 443 is what a host without port means; 80 is another place, though nobody should be there.
    return Handle(username, f"{host}:{int(port)}" if port is not None and int(port) != 443 else host)


def is_username(text: str) -> bool:
    """Whether this can stand before the host of a handle, of any server."""
    return re.fullmatch(_USERNAME, text) is not None


def descriptor_of(of: Handle, actor: str, page: str | None, subscribe: str | None) -> dict[str, Any]:
    """Return the JRD of an actor of ours. `page` is for browsers; `subscribe` a template with `{uri}`."""
    links: list[dict[str, str]] = [{"rel": "self", "type": ACTIVITY, "href": actor}]
    if page is not None:
        links.append({"rel": PROFILE_PAGE, "type": "text/html", "href": page})
    if subscribe is not None:
        links.append({"rel": SUBSCRIBE, "template": subscribe})
    aliases = [actor] if page in (None, actor) else [actor, page]
    return {"subject": of.acct, "aliases": aliases, "links": links}


def host_meta(origin: str) -> str:
    """Return our host-meta (RFC 6415): where WebFinger is, for those who do not know by the standard."""
    template = quoteattr(f"{origin}/.well-known/webfinger?resource={{uri}}")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<XRD xmlns="{xrd.NAMESPACE}">\n'
        f'  <Link rel="lrdd" type="application/jrd+json" template={template}/>\n'
        "</XRD>\n"
    )


# ---- told by others ---------------------------------------------------------------------------


def descriptor(document: Document) -> Descriptor:
    """Return what a JRD says. What is malformed in it counts as not said."""
    links = shapes.many(document.get("links"))[:MAX_LINKS]
    return _descriptor(
        shapes.string(document.get("subject")),
        [alias for alias in shapes.many(document.get("aliases")) if isinstance(alias, str)],
        [link for link in links if isinstance(link, dict)],
    )


def descriptor_from_xrd(body: bytes) -> Descriptor:
    """Return what an XRD says of a resource. Raises xrd.Malformed."""
    read = xrd.read(body)
    return _descriptor(read.subject, list(read.aliases), list(read.links))


def template(body: bytes) -> str | None:
    """Return host-meta's address of WebFinger with `{uri}` where the resource goes, or None.

    JSON is what is asked for if the server has it. Raises xrd.Malformed.
    """
    found = [
        (link.get("type") != "application/jrd+json", link["template"])
        for link in xrd.read(body).links
        if link.get("rel") == LRDD and _is_template(link.get("template"))
    ]
    return min(found, key=lambda pair: pair[0])[1] if found else None


def filled(address: str, of: Handle) -> str:
    """Return a template with the handle in its place."""
    return address.replace("{uri}", quote(of.acct, safe=""))


def against(asked: Handle, told: Descriptor, actor: str, username: str) -> Reason | None:
    """Return why the loop does not close, or None if the actor is the handle's.

    `told` is what the handle's own host says, `actor` and `username` are id and preferredUsername of the
    actor's document. A host may give another handle of a host of its own choice as the subject: then that
    one is to be asked for at its own host, and this function again.
    """
    if told.actor is None:
        return Reason.NO_SELF_LINK
    if told.subject is None:
        return Reason.NO_SUBJECT
    if told.actor != actor:
        return Reason.OTHER_ACTOR
    if not told.subject.equals(asked):
        return Reason.OTHER_HANDLE
    return None if username.casefold() == asked.username.casefold() else Reason.OTHER_USERNAME


def _descriptor(subject: str | None, aliases: list[str], links: list[Mapping[str, Any]]) -> Descriptor:
    def href(rel: str) -> str | None:
        found = (link.get("href") for link in links if link.get("rel") == rel)
        return next((address for address in found if is_uri(address)), None)

    selves = (link for link in links if link.get("rel") == "self" and is_uri(link.get("href")))
    actor = next((str(link["href"]) for link in selves if _is_actor(link.get("type"))), None)
    templates = (link.get("template") for link in links if link.get("rel") == SUBSCRIBE)
    name = resource(subject) if subject else None
    return Descriptor(
        subject=name if isinstance(name, Handle) else None,
        aliases=tuple(alias for alias in aliases if is_uri(alias))[:MAX_LINKS],
        actor=actor,
        profile_page=href(PROFILE_PAGE),
        subscribe=next((str(one) for one in templates if _is_template(one)), None),
    )


def _is_actor(media_type: Any) -> bool:
    return isinstance(media_type, str) and is_activitypub(media_type)


def _is_template(value: Any) -> bool:
    """Whether this is an address with one place for the resource, and that not in the host."""
    if not isinstance(value, str) or value.count("{uri}") != 1:
        return False
    before, _, after = value.partition("{uri}")
    ours, theirs = origin_of(before), origin_of(f"{before}x{after}")
    return ours is not None and ours == theirs

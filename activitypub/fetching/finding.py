"""From a handle to its actor, over other servers (activitypub.protocol.webfinger).

A host may name any actor as its own, so its word alone is worth nothing. A handle is an actor's if the
handle's host names the actor, the actor's document the username, and the actor's own host the handle.
"""

from dataclasses import dataclass, field

from activitypub.fetching.documents import Documents
from activitypub.fetching.errors import NotFound, Reason, Refused
from activitypub.fetching.fetch import Fetcher, Signer
from activitypub.fetching.kinds import HOST_META, WEBFINGER, is_xrd
from activitypub.protocol import webfinger, xrd
from activitypub.protocol.documents.actors import RemoteActorDocument, actor
from activitypub.protocol.documents.reading import Document, read
from activitypub.protocol.documents.refusals import RefusedDocument
from activitypub.protocol.webfinger import Descriptor, Handle

# Two hosts asked, each by way of host-meta, and the actor between them.
_TIME_OF_DOCUMENTS = 3


@dataclass(frozen=True, slots=True)
class Found:
    """An actor, and the handle that is its own: the one that was asked for, or what that one stands for."""

    handle: Handle
    actor: RemoteActorDocument = field(repr=False)


async def find(documents: Documents, asked: Handle, signer: Signer | None = None) -> Found:
    """Find the actor of a handle, and close the loop. The actor's document may be one that was kept.

    Raises Gone, NotFound, DownForNow, Refused (no_actor, loop_open: `detail` is a word of
    webfinger.Reason).
    """
    fetcher = documents.fetcher
    async with fetcher.deadline(asked.host, documents=_TIME_OF_DOCUMENTS):
        handle, told = asked, await ask(fetcher, asked)
        if told.subject is not None and not told.subject.equals(asked):
            # The host says that its user is known by another handle: that one's host has to say so itself.
            handle = told.subject
            told = await ask(fetcher, handle)
        if told.actor is None:
            raise Refused(Reason.NO_ACTOR, handle.host, webfinger.Reason.NO_SELF_LINK)
        found = _actor(await documents.fetch_document(told.actor, signer), handle)
        _require_closed(handle, told, found)
        if found.host != handle.host:
            _require_closed(handle, await ask(fetcher, Handle(found.username, found.host)), found)
        return Found(handle, found)


async def ask(fetcher: Fetcher, handle: Handle) -> Descriptor:
    """What the host of a handle says of it, by the address in its host-meta if it has none of its own.

    Raises Gone, NotFound, DownForNow, Refused.
    """
    root = f"{'http' if fetcher.plain_http else 'https'}://{handle.host}/.well-known"
    try:
        return await _descriptor(fetcher, webfinger.filled(f"{root}/webfinger?resource={{uri}}", handle))
    except NotFound as unknown:
        address = await _template(fetcher, f"{root}/host-meta")
        if address is None:
            raise unknown.again() from None
    return await _descriptor(fetcher, webfinger.filled(address, handle))


async def _template(fetcher: Fetcher, url: str) -> str | None:
    try:
        fetched = await fetcher.fetch(url, kind=HOST_META)
        return webfinger.template(fetched.body)
    except (NotFound, xrd.Malformed):
        return None


async def _descriptor(fetcher: Fetcher, url: str) -> Descriptor:
    fetched = await fetcher.fetch(url, kind=WEBFINGER)
    try:
        if is_xrd(fetched.content_type):
            return webfinger.descriptor_from_xrd(fetched.body)
        return webfinger.descriptor(read(fetched.body))
    except xrd.Malformed:
        raise Refused(Reason.BAD_DOCUMENT) from None
    except RefusedDocument as error:
        raise Refused(Reason.BAD_DOCUMENT, "", error.refusal) from None


def _actor(document: Document, handle: Handle) -> RemoteActorDocument:
    try:
        return actor(document)
    except RefusedDocument as error:
        raise Refused(Reason.BAD_DOCUMENT, handle.host, error.refusal) from None


def _require_closed(handle: Handle, told: Descriptor, found: RemoteActorDocument) -> None:
    reason = webfinger.against(handle, told, found.id, found.username)
    if reason is not None:
        raise Refused(Reason.LOOP_OPEN, handle.host, reason)

"""An inbox as it takes one request, up to the answer: no Django, since inboxes are asked more than all else.

In this order a request is refused for: the size and time of its body, its type, its signature, its shape,
whose it is, and last for what the database knows. Only what `authenticate` vouches for comes to a row.
"""

import asyncio
import re
from functools import partial

from asgiref.typing import ASGIReceiveCallable, HTTPScope

from activitypub.errors import (
    ActivityMalformed,
    ActivityRefused,
    ActivityTooLarge,
    InboxBusy,
    NoActivity,
    SignatureRefused,
    TooSlow,
)
from activitypub.inbox.authentication import (
    Authenticated,
    KeyNotFound,
    authenticate,
    authenticate_document,
    claim_of,
    signed_request,
)
from activitypub.inbox.receiving import Receiving
from activitypub.inbox.synchronising import Synchronizer
from activitypub.models import RemoteActor
from activitypub.protocol import authority
from activitypub.protocol.documents.activities import Activity, activity
from activitypub.protocol.documents.reading import MAX_BYTES, read
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument
from activitypub.protocol.media_types import is_activitypub
from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.protocol.uris import origin_of, same_origin
from activitypub.services.receiving import Arrival
from activitypub.threads import in_database

BODY_SECONDS = 10.0
# Requests inside, and bytes of their bodies: of more than these the next ones are sent away.
MOST_INSIDE = 1024
MOST_BYTES = 64 * 1024 * 1024
# So much of a body that is too long is read and dropped, or its sender would not hear the answer.
MOST_DROPPED = 8 * 1024 * 1024

# The longest body in which a proof is looked for.
MOST_PROVEN = 256 * 1024

_INBOX = re.compile(r"/(?:users/([^/]+)/)?inbox")
# No JSON at all, or none that everybody reads alike: what says something else is 422.
_MALFORMED = frozenset(
    {
        Refusal.NOT_JSON,
        Refusal.NOT_AN_OBJECT,
        Refusal.TOO_DEEP,
        Refusal.TOO_MANY_VALUES,
        Refusal.DUPLICATE_MEMBER,
        Refusal.NUL,
        Refusal.NUMBER_OUT_OF_RANGE,
    }
)


class Disconnected(Exception):
    """Whoever asked has gone."""


def inbox_at(path: str) -> str | None:
    """Whose inbox is at a path: a username, empty for the shared one; None for another path."""
    if not path.endswith("/inbox"):
        return None
    found = _INBOX.fullmatch(path)
    return (found[1] or "") if found else None


class Inbox:
    """The inboxes of this server, in one loop."""

    def __init__(self) -> None:
        self._receiving = Receiving()
        self._synchronizer = Synchronizer()
        self._inside = 0
        self._bytes = 0

    async def take(self, scope: HTTPScope, receive: ASGIReceiveCallable, recipient: str) -> None:
        """Take one POST: when this returns, what it brought is kept, or known, or has no effect (202).

        Raises a Problem of `activitypub.errors`, errors of the database, and Disconnected.
        """
        if self._inside >= MOST_INSIDE or self._bytes >= MOST_BYTES:
            raise InboxBusy
        held = 0
        self._inside += 1
        try:
            body = await _body(receive)
            held = len(body)
            self._bytes += held
            await self._take(signed_request(scope, body), recipient)
        finally:
            self._inside -= 1
            self._bytes -= held

    async def close(self) -> None:
        """Let go of the database, once nothing comes in any more."""
        await self._synchronizer.close()
        await self._receiving.close()

    async def _take(self, request: SignedRequest, recipient: str) -> None:
        if not _is_activity(request):
            raise NoActivity
        try:
            arrival = _arrival(await authenticate(claim_of(request)), recipient)
        except SignatureRefused as refusal:
            author = await _author(request.body)
            if author is not None:
                arrival = _arrival(author, recipient)
            elif isinstance(refusal, KeyNotFound) and await _ends_nobody(request.body, refusal.key_id):
                return
            else:
                raise
        await self._receiving.keep(arrival)
        self._synchronizer.hear(arrival.sender)


async def _body(receive: ASGIReceiveCallable) -> bytes:
    """The whole body. Raises ActivityTooLarge, TooSlow, Disconnected."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body, more = await _part(receive)
            if more:
                body = await _rest(receive, body)
    except TimeoutError:
        raise TooSlow from None
    if len(body) > MAX_BYTES:
        raise ActivityTooLarge
    return body


async def _rest(receive: ASGIReceiveCallable, first: bytes) -> bytes:
    body, more, dropped = bytearray(first), True, 0
    while more and dropped < MOST_DROPPED:
        part, more = await _part(receive)
        if len(body) > MAX_BYTES:
            dropped += len(part)
        else:
            body += part
    return bytes(body)


async def _part(receive: ASGIReceiveCallable) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] != "http.request":
        raise Disconnected
    return message.get("body", b""), message.get("more_body", False)


def _is_activity(request: SignedRequest) -> bool:
    types = [value for name, value in request.headers if name == "content-type"]
    return len(types) == 1 and is_activitypub(types[0])


def _arrival(sender: Authenticated, recipient: str) -> Arrival:
    """What was sent, if its sender may send it. Raises ActivityMalformed, ActivityRefused and, where another
    speaks, SignatureRefused."""
    document = _read(sender.body)
    against = authority.against(document, sender.actor_uri)
    if against is authority.Reason.ACTOR_NOT_SIGNER:
        raise SignatureRefused(against)
    origin = origin_of(sender.actor_uri)
    if against is not None or document.id is None or origin is None:
        raise ActivityRefused(against or authority.Reason.ID_MISSING)
    return Arrival(sender, document.id, document.type, origin.authority, recipient)


def _read(body: bytes) -> Activity:
    try:
        return activity(read(body))
    except RefusedDocument as error:
        raise (ActivityMalformed if error.refusal in _MALFORMED else ActivityRefused)(error.refusal) from None


async def _author(body: bytes) -> Authenticated | None:
    """Who wrote it by its own proof: what one server passes on for another is signed so, or not at all."""
    if len(body) > MOST_PROVEN or b'"proof"' not in body:
        return None
    try:
        document = read(body)
    except RefusedDocument:
        return None
    return await authenticate_document(body, document)


async def _ends_nobody(body: bytes, key_id: str) -> bool:
    """Whether it says that an actor is gone of whom this server knows nothing, as their server says to all.

    Nobody vouches for it, so it has no effect; and none is needed.
    """
    try:
        ending = _read(body)
    except (ActivityMalformed, ActivityRefused):
        return False
    if ending.type != "Delete" or ending.object.id != ending.actor or not same_origin(ending.actor, key_id):
        return False
    return not await in_database(partial(_is_known, ending.actor))


def _is_known(uri: str) -> bool:
    return RemoteActor.objects.filter(uri=uri).exists()

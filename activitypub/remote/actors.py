"""Actors of other servers as rows: found, fetched where they are missing or old, and kept."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.utils import timezone

from activitypub.fetching.errors import DownForNow, Gone, NotFound, Reason, Refused
from activitypub.models import KeyKind, RemoteActor
from activitypub.protocol.documents.actors import RemoteActorDocument, actor
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import RefusedDocument
from activitypub.protocol.signatures.keys import PublicKey, public_key_from_multikey, public_key_from_pem
from activitypub.protocol.signatures.reasons import SignatureError
from activitypub.protocol.uris import origin_of
from activitypub.queries.hosts import suspended_among
from activitypub.remote import missing, session, signing
from activitypub.services import leaving, remote_actors
from activitypub.services.remote_actors import KnownKey
from activitypub.threads import in_database

# Who changes their document sends an Update; this is for those whose Update got lost.
MAX_AGE = timedelta(days=1)


def resolve(uri: str, *, max_age: timedelta = MAX_AGE) -> RemoteActor:
    """The actor with this id, fetched where it is not known or was fetched longer ago than `max_age`.

    While its host is down an old row serves. Raises Gone, NotFound, DownForNow, Refused.
    """
    known, signer = _before(uri)
    if known is not None and _is_fresh(known, max_age):
        return known
    try:
        document = session.run(_fetch(uri, signer, max_age))
    except Gone:
        leaving.suspect(uri, timezone.now())
        raise
    except DownForNow:
        if known is None:
            raise
        return known
    return store(document, timezone.now())


async def aresolve(uri: str, *, max_age: timedelta = MAX_AGE) -> RemoteActor:
    """As `resolve`, in the running loop."""
    known, signer = await in_database(partial(_before, uri))
    if known is not None and _is_fresh(known, max_age):
        return known
    try:
        document = await _fetch(uri, signer, max_age)
    except Gone:
        await in_database(partial(leaving.suspect, uri, timezone.now()))
        raise
    except DownForNow:
        if known is None:
            raise
        return known
    return await in_database(partial(store, document, timezone.now()))


def store(document: RemoteActorDocument, at: datetime, further: Collection[KnownKey] = ()) -> RemoteActor:
    """Keep an actor's document, fetched or verified `at`, with its keys, in the place of what was known.

    `further` are keys that it names and that stand in documents of their own.
    Its handle is one of its id's own host, so that no server names an actor of another. Raises Refused for
    an id of this server, of a suspended host, or that no row can hold.
    """
    require_elsewhere(document.id)
    require_open(document.id)
    if not (document.id.isascii() and document.inbox.isascii()):
        raise Refused(Reason.BAD_URL, document.host)
    return remote_actors.keep(document, (*_keys(document), *further), at)


def read(document: Document) -> RemoteActorDocument:
    """A fetched document as an actor's. Raises Refused (bad_document)."""
    try:
        return actor(document)
    except RefusedDocument as error:
        raise Refused(Reason.BAD_DOCUMENT, "", error.refusal.value) from None


def require_elsewhere(uri: str) -> None:
    """Raises Refused for what is no address of another server."""
    origin = origin_of(uri)
    if origin is None:
        raise Refused(Reason.BAD_URL)
    if origin == origin_of(settings.HVX_ORIGIN):
        raise Refused(Reason.OWN_HOST, origin.authority)


def require_open(uri: str) -> None:
    """Asks the database. Raises Refused (host_suspended) for an address there."""
    origin = origin_of(uri)
    if origin is not None and suspended_among((origin.authority,)):
        raise Refused(Reason.HOST_SUSPENDED, origin.authority)


def _before(uri: str) -> tuple[RemoteActor | None, signing.KeySigner | None]:
    """What the database has to say before anything is fetched."""
    require_elsewhere(uri)
    require_open(uri)
    return RemoteActor.objects.filter(uri=uri).first(), signing.instance_signer()


def _is_fresh(known: RemoteActor, max_age: timedelta) -> bool:
    return known.fetched_at is not None and timezone.now() - known.fetched_at < max_age


async def _fetch(uri: str, signer: signing.KeySigner | None, max_age: timedelta) -> RemoteActorDocument:
    if max_age:
        missing.require_not(uri)
    try:
        document = await session.documents().fetch_document(uri, signer)
    except (Gone, NotFound) as answer:
        missing.note(uri, answer)
        raise
    missing.found(uri)
    return read(document)


def known_key(key_id: str, key: PublicKey) -> KnownKey | None:
    """A key as its row has it; None for one of a kind that signs no requests."""
    if not isinstance(key, RSAPublicKey | Ed25519PublicKey) or not key_id.isascii():
        return None
    kind = KeyKind.RSA if isinstance(key, RSAPublicKey) else KeyKind.ED25519
    return KnownKey(key_id, kind, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _keys(document: RemoteActorDocument) -> Iterator[KnownKey]:
    """The actor's own keys. One that cannot be read takes no other one along."""
    published = (
        *((pem.id, partial(public_key_from_pem, pem.pem)) for pem in document.keys),
        *((key.id, partial(public_key_from_multikey, key.multibase)) for key in document.multikeys),
    )
    for key_id, read_key in published:
        with suppress(SignatureError):
            if known := known_key(key_id, read_key()):
                yield known

"""Keys of other servers' actors: remembered, in rows, or fetched from where they are published.

Whose a key is, the owner's own document says: it stands in it, or is named by it. No redirect is followed
on the way, for then another address than the key's own would say it.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from cachetools import TTLCache
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.utils import timezone

from activitypub.fetching.errors import DownForNow, Gone, NotFetched, NotFound, Reason, Refused
from activitypub.models import ActorKey
from activitypub.protocol import authority
from activitypub.protocol.documents import keys as key_documents
from activitypub.protocol.documents import shapes, vocabulary
from activitypub.protocol.documents.actors import RemoteActorDocument
from activitypub.protocol.documents.keys import PemKey
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.signatures.keys import public_key_from_pem
from activitypub.protocol.signatures.reasons import SignatureError
from activitypub.protocol.uris import origin_of, without_fragment
from activitypub.remote import actors, missing, session, signing
from activitypub.services.remote_actors import KnownKey
from activitypub.threads import in_database

# A loaded RSA key takes some 4 KiB.
MOST_KEPT = 4096
# A key that its owner withdraws verifies for as long.
KEPT_SECONDS = 300.0
# Of a key that was fetched once more in vain: no flood of bad signatures makes us ask a host more often.
FRUITLESS_SECONDS = 60.0
# An owner's document that is as old says of a key that was not heard of before whether it is theirs: made-up
# names of keys make us ask no more often than that.
DOCUMENT_SECONDS = 10.0
# Who waits for a key holds a request. One host that hangs, or many, are not to hold them all.
MOST_WAITING = 256
MOST_WAITING_PER_HOST = 32


@dataclass(frozen=True, slots=True)
class RemoteKey:
    """A public key, and the actor whose document says that it is theirs."""

    key_id: str
    actor_uri: str
    key: RSAPublicKey | Ed25519PublicKey


_kept: TTLCache[str, RemoteKey] = TTLCache(MOST_KEPT, KEPT_SECONDS, time.monotonic)
_fruitless: TTLCache[str, bool] = TTLCache(MOST_KEPT, FRUITLESS_SECONDS, time.monotonic)
_guarding = threading.Lock()
_waiting: Counter[str] = Counter()


async def key_for(key_id: str, *, fresh: bool = False) -> RemoteKey:
    """The key with this id. `fresh`: as its owner publishes it now, for where the known one verifies nothing;
    asked again and again it stays the known one for a minute.

    Raises Gone, NotFound, DownForNow, Refused (own_host, host_suspended, key_missing and others).
    """
    if not fresh and (kept := _remembered(key_id)) is not None:
        return kept
    known, signer = await in_database(partial(_before, key_id))
    if known is not None:
        _remember(known)
        if not fresh or _was_fruitless(key_id):
            return known
    try:
        found = await _fetched(key_id, signer, fresh=fresh)
    except NotFetched as error:
        if fresh:
            _note_fruitless(key_id)
        if not isinstance(error, DownForNow):
            _drop(key_id)
        raise
    if known is not None and _same(known, found):
        _note_fruitless(key_id)
    _remember(found)
    return found


def known_key(key_id: str) -> RemoteKey | None:
    """The key with this id if it is remembered or in a row: for threads, which do not wait for a network.

    Raises Refused (own_host, host_suspended).
    """
    if (kept := _remembered(key_id)) is None:
        kept, _ = _before(key_id)
        if kept is not None:
            _remember(kept)
    return kept


def forget() -> None:
    """Drop what is remembered: for tests."""
    with _guarding:
        _kept.clear()
        _fruitless.clear()
    missing.forget()


def _before(key_id: str) -> tuple[RemoteKey | None, signing.KeySigner | None]:
    """What the database has to say before anything is fetched."""
    actors.require_elsewhere(key_id)
    actors.require_open(key_id)
    row = (
        ActorKey.objects.filter(key_id=key_id)
        .exclude(actor__host="")
        .values_list("actor__uri", "public")
        .first()
    )
    known = RemoteKey(key_id, row[0], _loaded(bytes(row[1]))) if row else None
    return known, signing.instance_signer()


def _loaded(der: bytes) -> RSAPublicKey | Ed25519PublicKey:
    key = load_der_public_key(der)
    if not isinstance(key, RSAPublicKey | Ed25519PublicKey):
        raise ValueError("a key of a kind that no row has")
    return key


async def _fetched(key_id: str, signer: signing.KeySigner | None, *, fresh: bool) -> RemoteKey:
    """The key from its owner's document, which is kept with it."""
    place = without_fragment(key_id)
    if not fresh:
        missing.require_not(place)
    with _room(place):
        ask = partial(
            session.documents().fetch_document,
            signer=signer,
            redirects=0,
            max_age=0.0 if fresh else DOCUMENT_SECONDS,
        )
        try:
            document = await ask(place)
        except (Gone, NotFound) as answer:
            missing.note(place, answer)
            raise
        alone = None if _is_actor(document) else key_documents.key_document(document)
        if alone is not None:
            actors.require_elsewhere(alone.owner)
            await in_database(partial(actors.require_open, alone.owner))
            document = await ask(alone.owner)
    owner = actors.read(document)
    missing.found(owner.id)
    further = _named(owner, key_id, alone)
    row = await in_database(partial(actors.store, owner, timezone.now(), further))
    found = await in_database(partial(_of_owner, key_id, row.uri))
    if found is None or authority.against_key(owner.id, key_id, found.actor_uri) is not None:
        raise Refused(Reason.KEY_MISSING, owner.host)
    return found


def _is_actor(document: Document) -> bool:
    return vocabulary.first_of(shapes.types(document), vocabulary.ACTORS) is not None


def _named(owner: RemoteActorDocument, key_id: str, alone: PemKey | None) -> tuple[KnownKey, ...]:
    """A key that stands in a document of its own, and that its owner's document names."""
    if alone is None or alone.id != key_id or key_id not in owner.key_references:
        return ()
    if authority.against_key(owner.id, key_id, alone.owner) is not None:
        return ()
    with suppress(SignatureError):
        if known := actors.known_key(key_id, public_key_from_pem(alone.pem)):
            return (known,)
    return ()


def _of_owner(key_id: str, actor_uri: str) -> RemoteKey | None:
    public = ActorKey.objects.filter(key_id=key_id, actor__uri=actor_uri).values_list("public", flat=True)
    return next((RemoteKey(key_id, actor_uri, _loaded(bytes(der))) for der in public), None)


@contextmanager
def _room(uri: str) -> Iterator[None]:
    """Raises DownForNow (try_later) where too many wait already."""
    origin = origin_of(uri)
    host = origin.authority if origin else ""
    if _waiting.total() >= MOST_WAITING or _waiting[host] >= MOST_WAITING_PER_HOST:
        raise DownForNow(Reason.TRY_LATER, host)
    _waiting[host] += 1
    try:
        yield
    finally:
        _waiting[host] -= 1
        if not _waiting[host]:
            del _waiting[host]


def _same(one: RemoteKey, other: RemoteKey) -> bool:
    return one.actor_uri == other.actor_uri and one.key == other.key


def _remembered(key_id: str) -> RemoteKey | None:
    with _guarding:
        return _kept.get(key_id)


def _remember(key: RemoteKey) -> None:
    with _guarding:
        _kept[key.key_id] = key


def _drop(key_id: str) -> None:
    with _guarding:
        _kept.pop(key_id, None)


def _was_fruitless(key_id: str) -> bool:
    with _guarding:
        return key_id in _fruitless


def _note_fruitless(key_id: str) -> None:
    with _guarding:
        _fruitless[key_id] = True

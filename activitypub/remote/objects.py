"""Documents of other servers by their address."""

from functools import partial

from activitypub.fetching.cache import KEPT_SECONDS
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.uris import same_origin
from activitypub.remote import session, signing
from activitypub.remote.actors import require_elsewhere, require_open
from activitypub.threads import in_database


def fetch(uri: str, *, max_age: float = KEPT_SECONDS) -> Document:
    """The document at an address, from there and not from who named it. `max_age` in seconds.

    Raises Gone, NotFound, DownForNow, Refused (own_host and host_suspended, wherever it was led to, and
    others).
    """
    document = session.run(_fetch(uri, _before(uri), max_age))
    if not same_origin(document["id"], uri):
        _require(document["id"])
    return document


async def afetch(uri: str, *, max_age: float = KEPT_SECONDS) -> Document:
    """As `fetch`, in the running loop."""
    document = await _fetch(uri, await in_database(partial(_before, uri)), max_age)
    if not same_origin(document["id"], uri):
        await in_database(partial(_require, document["id"]))
    return document


def _before(uri: str) -> signing.KeySigner | None:
    _require(uri)
    return signing.instance_signer()


def _require(uri: str) -> None:
    # What is this server's own stands in its rows: no redirect has it read as if it had come in.
    require_elsewhere(uri)
    require_open(uri)


async def _fetch(uri: str, signer: signing.KeySigner | None, max_age: float) -> Document:
    return await session.documents().fetch_document(uri, signer, max_age=max_age)

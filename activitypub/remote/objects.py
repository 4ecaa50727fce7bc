"""Documents of other servers by their address."""

from activitypub.fetching.cache import KEPT_SECONDS
from activitypub.protocol.documents.reading import Document
from activitypub.remote import session, signing
from activitypub.threads import in_database


def fetch(uri: str, *, max_age: float = KEPT_SECONDS) -> Document:
    """The document at an address, from there and not from who named it. `max_age` in seconds.

    Raises Gone, NotFound, DownForNow, Refused.
    """
    return session.run(_fetch(uri, signing.instance_signer(), max_age))


async def afetch(uri: str, *, max_age: float = KEPT_SECONDS) -> Document:
    """As `fetch`, in the running loop."""
    return await _fetch(uri, await in_database(signing.instance_signer), max_age)


async def _fetch(uri: str, signer: signing.KeySigner | None, max_age: float) -> Document:
    return await session.documents().fetch_document(uri, signer, max_age=max_age)

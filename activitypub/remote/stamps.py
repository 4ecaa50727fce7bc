"""The stamp by which somebody of another server lets a post quote theirs (FEP-044f)."""

from collections.abc import Callable

from activitypub.models import Post
from activitypub.protocol import authority
from activitypub.protocol.authority import Reason
from activitypub.protocol.documents.quotes import quote_authorization
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.uris import same_origin
from activitypub.services import posts


def against(fetch: Callable[[str], Document], stamp: str, quoting: str, quoted: Post) -> Reason | None:
    """Why the stamp at an address does not let the post with that id quote the other; None if it does.

    It counts as it stands there now, and never again once its author has taken it back. Raises as `fetch`.
    """
    if not (stamp.isascii() and same_origin(stamp, quoted.author.uri)):
        return Reason.STAMP_OF_ANOTHER
    if posts.was_deleted(stamp, quoted.author):
        return Reason.STAMP_REVOKED
    found = quote_authorization(fetch(stamp))
    if found is None or found.id != stamp:
        return Reason.STAMP_MISSING
    return authority.against_stamp(found, quoting, quoted.uri, quoted.author.uri)

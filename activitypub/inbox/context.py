"""What a handler is given, and how it says what came of an activity."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from activitypub.fetching.errors import NotFetched
from activitypub.models import Actor, RemoteActor
from activitypub.protocol.documents.activities import Activity
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.uris import origin_of


class NoEffect(Exception):
    """An activity is refused, or changes nothing. `reason` is a stable word of at most 80 characters, the
    row's outcome. Whatever the handler wrote before is undone."""

    def __init__(self, reason: str) -> None:
        super().__init__(str(reason))
        self.reason = str(reason)


class Needs(Exception):
    """A handler needs what stands at `uri` and is not here yet: it is fetched with no transaction open, and
    the handler begins again. With `actor` it is an actor, who is kept as a row; with `fresh` what was
    fetched before will not do."""

    def __init__(self, uri: str, *, actor: bool = False, fresh: bool = False) -> None:
        super().__init__()
        self.uri = uri
        self.actor = actor
        self.fresh = fresh


class Unfinished(Exception):
    """A handler did a part of what is to be done: that part is kept, and it is called again for the rest."""


@dataclass(frozen=True, slots=True)
class Context:
    """Whose activity it is, to whose inbox it came (a username, empty for the shared one), and when it is.

    `fetched` is what was had so far on behalf of this activity, by address, or why it could not be had.
    `want` has a post fetched some time after this is done, and is undone with it; nothing may depend on it.
    `body` is the activity byte for byte as it came.
    """

    actor: RemoteActor
    recipient: str
    now: datetime
    fetched: Mapping[str, Document | NotFetched | None] = field(default_factory=dict, repr=False)
    want: Callable[[str], None] = field(default=lambda uri: None, repr=False)
    body: bytes = field(default=b"", repr=False)

    def fetch(self, uri: str, *, fresh: bool = False) -> Document:
        """The document at an address, from there. Raises Needs, and as remote.objects.fetch.

        What DownForNow leaves undone is tried again later; the other errors are the row's outcome.
        """
        found = self._had(uri)
        if found is None:
            raise Needs(uri, fresh=fresh)
        return found

    def actor_at(self, uri: str) -> Actor:
        """The actor with this id, of this server or of another. Raises Needs, NoEffect for one of this server
        that there is not, and as remote.actors.resolve."""
        known = Actor.objects.filter(uri=uri).first()
        if known is not None:
            return known
        if is_local(uri):
            raise NoEffect("unknown_actor")
        self._had(uri)
        raise Needs(uri, actor=True)

    def _had(self, uri: str) -> Document | None:
        found = self.fetched.get(uri)
        if isinstance(found, NotFetched):
            raise found.again()
        return found


Handler = Callable[[Context, Activity], None]


def is_local(uri: str) -> bool:
    """Whether an address is one of this server's."""
    return origin_of(uri) == origin_of(settings.HVX_ORIGIN)

"""Why a document could not be had.

Four classes, by what a caller can do about it; each with a stable word that says what it was. The text of
an error names the host and nothing more of a URL: paths and queries tell who reads whom.
"""

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Stable words. What they mean stands beside them where the word alone does not say it."""

    # Gone, NotFound
    GONE = "gone"
    NOT_FOUND = "not_found"
    # DownForNow
    TIMEOUT = "timeout"
    NAME_UNKNOWN = "name_unknown"  # the host's name has no address
    UNREACHABLE = "unreachable"
    TLS = "tls"  # no encrypted connection, for want of a good certificate as a rule
    BROKEN_OFF = "broken_off"  # the answer ends early, or is no HTTP
    SERVER_ERROR = "server_error"
    TRY_LATER = "try_later"  # 408, 425 or 429
    LEFT_ALONE = "left_alone"  # not asked: it failed a moment ago, or asked for patience
    # Refused, before or while connecting
    BAD_URL = "bad_url"
    PLAIN_HTTP = "plain_http"  # where https is asked for
    PORT = "port"
    ADDRESS_FORBIDDEN = "address_forbidden"  # not in the Internet (activitypub.protocol.addresses)
    OWN_HOST = "own_host"  # this server asks itself nothing
    HOST_SUSPENDED = "host_suspended"  # this server's moderators let nothing in from there
    ACTOR_SUSPENDED = "actor_suspended"  # nor from this one
    # Refused, for how it was answered
    DENIED = "denied"  # 401 or 403
    BAD_STATUS = "bad_status"
    BAD_REDIRECT = "bad_redirect"
    REDIRECTED = "redirected"  # where no redirect is followed
    TOO_MANY_REDIRECTS = "too_many_redirects"
    CONTENT_TYPE = "content_type"
    TOO_LARGE = "too_large"
    # Refused, for what it is
    BAD_DOCUMENT = "bad_document"
    ID_MISSING = "id_missing"
    ID_ELSEWHERE = "id_elsewhere"  # not what stands at its own id
    KEY_MISSING = "key_missing"  # its owner's document does not name the key
    # Refused, on the way from a handle to an actor
    NO_ACTOR = "no_actor"  # WebFinger names none
    LOOP_OPEN = "loop_open"  # handle and actor do not name each other


class NotFetched(Exception):
    """A document could not be had. Raised as one of the four below, never as itself.

    `host` is `host[:port]` as far as it was known, else empty. `detail` is a second stable word: for
    bad_document that of activitypub.protocol.documents.refusals, else empty.
    """

    def __init__(self, reason: Reason, host: str = "", detail: str = "") -> None:
        super().__init__(reason, host, detail)
        self.reason = reason
        self.host = host
        self.detail = detail

    def __str__(self) -> str:
        return " ".join(filter(None, [self.reason, self.detail, self.host and f"({self.host})"]))

    def again(self) -> Self:
        """The same error without the places where this one has been."""
        return type(self)(self.reason, self.host, self.detail)


class Gone(NotFetched):
    """Its server says that it is gone for good (410)."""


class NotFound(NotFetched):
    """Its server knows nothing there (404)."""


class DownForNow(NotFetched):
    """It may be had later: nothing was learned of it."""


class Refused(NotFetched):
    """It is not to be had, or not to be taken: trying again changes nothing."""

"""Why two servers do not talk, in plain words: for operators."""

from collections.abc import Mapping
from typing import Final

from activitypub.fetching.errors import NotFetched, Reason
from activitypub.protocol import webfinger

_WORDS: Final[Mapping[Reason, str]] = {
    Reason.GONE: "says that it is gone for good (410)",
    Reason.NOT_FOUND: "knows nothing there (404)",
    Reason.TIMEOUT: "did not answer in time: it hangs, or a firewall drops what we send",
    Reason.NAME_UNKNOWN: "has a name without an address: the name is wrong, or its DNS is broken",
    Reason.UNREACHABLE: "takes no connection: the server is down, or a firewall is between",
    Reason.TLS: "has no certificate that we trust: expired, of another name, or self-signed",
    Reason.BROKEN_OFF: "broke off in the middle of its answer, or does not speak HTTP there",
    Reason.SERVER_ERROR: "answers with an error of its own (5xx)",
    Reason.TRY_LATER: "asks us to come later: we, or all, ask it too often (408, 425, 429)",
    Reason.LEFT_ALONE: "is not asked for a while: it failed a moment ago, or asked us to come later",
    Reason.BAD_URL: "names an address that cannot be asked",
    Reason.PLAIN_HTTP: "is asked for by http, and we speak https alone",
    Reason.PORT: "names a port that is another protocol's",
    Reason.ADDRESS_FORBIDDEN: "has an address that is not in the Internet: private, loopback or reserved",
    Reason.OWN_HOST: "is this server itself",
    Reason.HOST_SUSPENDED: "was suspended by this server's moderators",
    Reason.ACTOR_SUSPENDED: "has an actor whom this server's moderators have suspended",
    Reason.DENIED: "refuses us (401 or 403): it blocks this server, or cannot verify our signature, for "
    "which it has to fetch our own actor",
    Reason.BAD_STATUS: "answers with a status that makes no sense there",
    Reason.BAD_REDIRECT: "redirects us nowhere",
    Reason.REDIRECTED: "redirects us where no redirect may be",
    Reason.TOO_MANY_REDIRECTS: "redirects us again and again",
    Reason.CONTENT_TYPE: "answers with something that is no ActivityPub: a page for people, perhaps a "
    "cache or proxy that does not look at Accept",
    Reason.TOO_LARGE: "answers with more than we take",
    Reason.BAD_DOCUMENT: "answers with a document that cannot be read",
    Reason.ID_MISSING: "answers with a document without an id",
    Reason.ID_ELSEWHERE: "answers with a document whose id is another address, where it does not stand",
    Reason.KEY_MISSING: "has an actor whose document does not name its key",
    Reason.NO_ACTOR: "names no ActivityPub actor for that handle",
    Reason.LOOP_OPEN: "and the actor do not name each other",
}
_LOOPS: Final[Mapping[str, str]] = {
    webfinger.Reason.NO_SELF_LINK: "WebFinger names no actor",
    webfinger.Reason.NO_SUBJECT: "WebFinger names no handle",
    webfinger.Reason.OTHER_ACTOR: "WebFinger names another actor than the one that was found",
    webfinger.Reason.OTHER_HANDLE: "WebFinger names another handle",
    webfinger.Reason.OTHER_USERNAME: "the actor has another username than the handle",
}


def sentence(error: NotFetched, host: str) -> str:
    """What an operator is told of a document that could not be had."""
    detail = f" ({_LOOPS.get(error.detail, error.detail)})" if error.detail else ""
    return f"{error.host or host} {_WORDS[error.reason]}{detail}."


def came_to(word: str) -> str:
    """What an operator is told of how a delivery ended, by the word that its row has."""
    if word.startswith("http_"):
        return f"it answered {word.removeprefix('http_')}"
    try:
        return f"it {_WORDS[Reason(word)]}"
    except ValueError:
        return word

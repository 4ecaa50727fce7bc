"""What an answer means by its status and type, and what goes out to get it."""

import pytest

from activitypub.fetching.errors import DownForNow, Gone, NotFetched, NotFound, Refused
from activitypub.fetching.fetch import Fetcher
from activitypub.fetching.kinds import ACTIVITY_DOCUMENT, HOST_META, WEBFINGER, Kind
from tests.activitypub.fetching.conftest import reason_of, refusal
from tests.activitypub.fetching.peer import (
    ACTIVITY,
    OUTSIDE,
    Peer,
    document,
    raw,
    status,
    whole,
)

LD = "application/ld+json"
AS = "https://www.w3.org/ns/activitystreams"
HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: {ACTIVITY}\r\n".encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("line", "kind", "reason"),
    [
        ("410 Gone", Gone, "gone"),
        ("404 Not Found", NotFound, "not_found"),
        ("401 Unauthorized", Refused, "denied"),
        ("403 Forbidden", Refused, "denied"),
        ("400 Bad Request", Refused, "bad_status"),
        ("406 Not Acceptable", Refused, "bad_status"),
        ("204 No Content", Refused, "bad_status"),
        ("206 Partial Content", Refused, "bad_status"),
        ("304 Not Modified", Refused, "bad_status"),
        ("429 Too Many Requests", DownForNow, "try_later"),
        ("408 Request Timeout", DownForNow, "try_later"),
        ("500 Oops", DownForNow, "server_error"),
        ("503 Sealed", DownForNow, "server_error"),
    ],
)
async def test_what_a_status_means_for_the_caller(
    line: str, kind: type[NotFetched], reason: str, fetcher: Fetcher, peer: Peer
) -> None:
    error = await refusal(fetcher, peer, status(line))
    assert (type(error), error.reason.value) == (kind, reason)
    assert error.host == f"{OUTSIDE}:{peer.port}"


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        (ACTIVITY_DOCUMENT, ACTIVITY),
        (ACTIVITY_DOCUMENT, "Application/Activity+JSON; Charset=UTF-8"),
        (ACTIVITY_DOCUMENT, f'{LD}; profile="{AS}"'),
        (ACTIVITY_DOCUMENT, f"{LD};charset=utf-8;PROFILE={AS}"),
        (ACTIVITY_DOCUMENT, f'{LD}; profile="https://other.example/ {AS}"; charset=utf-8'),
        (WEBFINGER, "application/jrd+json; charset=utf-8"),
        (WEBFINGER, "application/json"),
        (WEBFINGER, "application/xrd+xml"),
        (HOST_META, "application/xrd+xml"),
        (HOST_META, "text/xml; charset=utf-8"),
        (HOST_META, "application/xml"),
    ],
)
async def test_a_type_is_known_in_any_case_with_parameters_in_any_order(
    kind: Kind, content_type: str, fetcher: Fetcher, peer: Peer
) -> None:
    peer.answers["/"] = whole(b"{}", Content_Type=content_type)
    fetched = await fetcher.fetch(peer.url(), kind=kind)
    assert (fetched.content_type, fetched.body) == (content_type, b"{}")
    assert peer.requests[0].headers["accept"] == kind.accept


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        (ACTIVITY_DOCUMENT, "application/json"),
        (ACTIVITY_DOCUMENT, "text/html"),
        (ACTIVITY_DOCUMENT, LD),
        (ACTIVITY_DOCUMENT, f'{LD}; profile="https://other.example/"'),
        (ACTIVITY_DOCUMENT, f'{LD}; profile="{AS}/not"'),
        (ACTIVITY_DOCUMENT, f"{ACTIVITY}x"),
        (ACTIVITY_DOCUMENT, f"text/plain; a={ACTIVITY}"),
        (ACTIVITY_DOCUMENT, ""),
        (ACTIVITY_DOCUMENT, ";" * 5000),
        (ACTIVITY_DOCUMENT, f"{ACTIVITY}\r\nContent-Type: text/html"),
        (WEBFINGER, "text/html"),
        (HOST_META, "text/html"),
    ],
)
async def test_another_type_is_refused(kind: Kind, content_type: str, fetcher: Fetcher, peer: Peer) -> None:
    """A file that somebody uploaded to another server is not that server's word."""
    peer.answers["/"] = whole(b"{}", Content_Type=content_type)
    with pytest.raises(Refused) as error:
        await fetcher.fetch(peer.url(), kind=kind)
    assert reason_of(error) == "content_type"


async def test_an_answer_without_a_type_is_refused(fetcher: Fetcher, peer: Peer) -> None:
    assert (await refusal(fetcher, peer, whole(b"{}"))).reason.value == "content_type"


async def test_a_request_says_who_asks_and_goes_as_the_url_was_written(fetcher: Fetcher, peer: Peer) -> None:
    peer.answers["/%7Ea/../b?c=%2f&d"] = document({})
    fetched = await fetcher.fetch(peer.url("/%7Ea/../b?c=%2f&d"))
    assert fetched.url == peer.url("/%7Ea/../b?c=%2f&d")
    request = peer.requests[0]
    assert (request.method, request.target) == ("GET", "/%7Ea/../b?c=%2f&d")
    assert request.headers["user-agent"] == "Hvx/test"
    assert set(request.headers) == {"host", "user-agent", "accept", "accept-encoding"}


async def test_a_connection_is_kept_for_the_next(fetcher: Fetcher, peer: Peer) -> None:
    peer.answers["/"] = document({})
    for _ in range(3):
        await fetcher.fetch(peer.url())
    assert (peer.connections, len(peer.requests)) == (1, 3)


async def test_no_path_or_query_is_in_the_text_of_an_error_or_behind_it_or_in_the_log(
    fetcher: Fetcher, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    for answer in (status("404 Not Found"), raw(b""), raw(HEAD + b"Content-Length: 9\r\n\r\n")):
        peer.answers["/hidden?word=hidden"] = answer
        with pytest.raises(NotFetched) as error:
            await fetcher.fetch(peer.url("/hidden?word=hidden"))
        assert "hidden" not in f"{error.value} {error.value!r}"
        assert error.value.__cause__ is None
        assert error.value.__suppress_context__ or error.value.__context__ is None
    assert "hidden" not in caplog.text

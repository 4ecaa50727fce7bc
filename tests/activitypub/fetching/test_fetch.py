"""Getting one document: bounded in size, time and redirects, whatever the other server does."""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from activitypub.fetching.errors import DownForNow, Gone, NotFetched, NotFound, Refused
from activitypub.fetching.fetch import Fetcher, Limits
from activitypub.fetching.guard import open_session
from activitypub.fetching.kinds import ACTIVITY_DOCUMENT, HOST_META, WEBFINGER, Kind
from tests.activitypub.fetching.conftest import reason_of
from tests.activitypub.fetching.peer import (
    ACTIVITY,
    OUTSIDE,
    Answer,
    Names,
    Peer,
    document,
    endless,
    raw,
    redirect,
    status,
    whole,
)

LD = "application/ld+json"
AS = "https://www.w3.org/ns/activitystreams"
HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: {ACTIVITY}\r\n".encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Key:
    """Signs by noting what it was asked to sign."""

    def __init__(self) -> None:
        self.key_id = "https://here.example/actor#main-key"
        self.asked: list[tuple[str, str]] = []

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        self.asked.append((method, url))
        return {"Signature": f"{len(self.asked)}"}


async def refusal(fetcher: Fetcher, peer: Peer, answer: Answer) -> NotFetched:
    peer.answers["/"] = answer
    with pytest.raises(NotFetched) as error:
        await fetcher.fetch(peer.url())
    return error.value


# --- time -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (b"HTTP/1.1 200 ", b"O"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Drip: 1\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD + b"Content-Length: 1000\r\n\r\n", b" "),
        (CHUNKED, b"1\r\n \r\n"),
    ],
    ids=["status line", "headers", "interim answers", "body", "chunks"],
)
async def test_an_answer_that_comes_in_drips_is_given_up_in_time(
    head: bytes, part: bytes, hasty: Fetcher, peer: Peer
) -> None:
    error = await refusal(hasty, peer, endless(head, part, pause=0.05))
    assert isinstance(error, DownForNow)
    assert error.reason.value == "timeout"
    await peer.all_ended()  # nothing is left open behind it


async def test_the_time_is_for_all_redirects_together(hasty: Fetcher, peer: Peer) -> None:
    async def wait(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        await redirect(f"/{len(peer.requests)}")(writer)

    peer.answers.update({"/": wait, "/1": wait, "/2": wait})
    with pytest.raises(DownForNow) as error:
        await hasty.fetch(peer.url())
    assert reason_of(error) == "timeout"


async def test_a_server_that_accepts_and_says_nothing_is_given_up(hasty: Fetcher, peer: Peer) -> None:
    async def wait(writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    assert (await refusal(hasty, peer, wait)).reason.value == "timeout"


async def test_waiting_for_a_connection_counts_too(hasty: Fetcher, peer: Peer) -> None:
    async def wait(writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    peer.answers["/"] = wait
    found = await asyncio.gather(*(hasty.fetch(peer.url()) for _ in range(4)), return_exceptions=True)
    assert [type(error) for error in found] == [DownForNow] * 4


# --- size -------------------------------------------------------------------------------------


def bomb(encoding: str) -> Answer:
    body = b" " * 20_000_000
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    assert len(packed) < 50_000
    return whole(packed, Content_Type=ACTIVITY, Content_Encoding=encoding)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_bytes_are_counted_after_decompression(encoding: str, fetcher: Fetcher, peer: Peer) -> None:
    error = await refusal(fetcher, peer, bomb(encoding))
    assert isinstance(error, Refused)
    assert error.reason.value == "too_large"


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (CHUNKED, b"1000\r\n" + b" " * 4096 + b"\r\n"),
        (HEAD + b"\r\n", b" " * 4096),
        (HEAD + b"Content-Length: 99999999999\r\n\r\n", b" " * 4096),
    ],
    ids=["chunks", "until the end", "announced"],
)
async def test_an_endless_body_is_dropped_at_the_limit(
    head: bytes, part: bytes, fetcher: Fetcher, peer: Peer
) -> None:
    error = await refusal(fetcher, peer, endless(head, part))
    assert isinstance(error, Refused)
    assert error.reason.value == "too_large"
    await peer.all_ended()


async def test_a_body_of_the_limit_is_taken_and_one_byte_more_is_not(
    session: aiohttp.ClientSession, peer: Peer
) -> None:
    fetcher = Fetcher(session, plain_http=True, limits=Limits(bytes=100))
    peer.answers["/"] = whole(b" " * 100, Content_Type=ACTIVITY)
    assert len((await fetcher.fetch(peer.url())).body) == 100
    assert (await refusal(fetcher, peer, whole(b" " * 101, Content_Type=ACTIVITY))).reason == "too_large"


async def test_a_megabyte_is_the_limit_of_the_house() -> None:
    assert (Limits().bytes, Limits().seconds, Limits().redirects) == (1024 * 1024, 10.0, 3)


@pytest.mark.parametrize(
    "answer",
    [
        raw(HEAD + b"Content-Length: 100\r\n\r\n{}"),
        raw(CHUNKED + b"2\r\n{}\r\n"),
        raw(CHUNKED + b"xyz\r\n{}\r\n"),
        raw(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
        raw(HEAD + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}"),
        raw(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        raw(HEAD + b"Content-Length: -1\r\n\r\n{}"),
        raw(HEAD + b"X-Long: " + b"a" * 100_000 + b"\r\n\r\n{}"),
        raw(HEAD + b"X: 1\r\n" * 10_000 + b"\r\n{}"),
        raw(HEAD),
        raw(b"220 mail.example ESMTP\r\n"),
        raw(b""),
    ],
)
async def test_an_answer_that_breaks_off_or_is_no_http_is_none(
    answer: Answer, fetcher: Fetcher, peer: Peer
) -> None:
    error = await refusal(fetcher, peer, answer)
    assert isinstance(error, DownForNow)
    assert error.reason.value == "broken_off"


# --- redirects --------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
async def test_three_redirects_are_followed_and_a_fourth_is_not(
    code: str, fetcher: Fetcher, peer: Peer
) -> None:
    for step in range(4):
        peer.answers[f"/{step}"] = redirect(f"/{step + 1}", code)
    peer.answers["/4"] = document({})
    fetched = await fetcher.fetch(peer.url("/1"))
    assert fetched.url == peer.url("/4")
    with pytest.raises(Refused) as error:
        await fetcher.fetch(peer.url("/0"))
    assert reason_of(error) == "too_many_redirects"


async def test_redirects_in_a_circle_end(fetcher: Fetcher, peer: Peer) -> None:
    error = await refusal(fetcher, peer, redirect("/"))
    assert error.reason.value == "too_many_redirects"
    assert len(peer.requests) == 4


async def test_where_redirects_are_refused_none_is_followed(fetcher: Fetcher, peer: Peer) -> None:
    peer.answers["/key"] = redirect("/other")
    with pytest.raises(Refused) as error:
        await fetcher.fetch(peer.url("/key"), redirects=0)
    assert reason_of(error) == "redirected"
    assert [request.target for request in peer.requests] == ["/key"]


async def test_every_hop_is_signed_for_where_it_goes(fetcher: Fetcher, peer: Peer, names: Names) -> None:
    names.name("other.example", [OUTSIDE])
    peer.answers["/a?b=c"] = redirect(peer.url("/d?e=%2F", "other.example"))
    peer.answers["/d?e=%2F"] = document({})
    key = Key()
    await fetcher.fetch(peer.url("/a?b=c"), sign=key)
    assert key.asked == [
        ("GET", peer.url("/a?b=c")),
        ("GET", peer.url("/d?e=%2F", "other.example")),
    ]
    # What was signed is what was sent: request target and host.
    sent = [
        (f"http://{request.host}{request.target}", request.headers["signature"]) for request in peer.requests
    ]
    assert sent == [(key.asked[0][1], "1"), (key.asked[1][1], "2")]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://alice@127.0.0.1/", "bad_url"),
        ("/#fragment", "bad_url"),
        ("ftp://127.0.0.1/", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
        ("http://127.0.0.1:25/", "port"),
        ("http://0x7f.1/", "bad_url"),
        ("/" + "a" * 3000, "bad_url"),
    ],
)
async def test_a_redirect_is_judged_as_the_first_url_is(
    location: str, reason: str, fetcher: Fetcher, peer: Peer
) -> None:
    error = await refusal(fetcher, peer, redirect(location))
    assert isinstance(error, Refused)
    assert error.reason.value == reason


async def test_a_redirect_that_leads_nowhere_is_refused(fetcher: Fetcher, peer: Peer) -> None:
    assert (await refusal(fetcher, peer, status("302 Found"))).reason.value == "bad_redirect"


async def test_https_alone_is_fetched_where_peers_are_not_on_this_machine(
    session: aiohttp.ClientSession, peer: Peer
) -> None:
    error = await refusal(Fetcher(session), peer, document({}))
    assert error.reason.value == "plain_http"
    assert peer.connections == 0


# --- status and type --------------------------------------------------------------------------


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


# --- what goes out ----------------------------------------------------------------------------


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


# --- TLS --------------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server of that name shows, and what trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    file = folder / "server.pem"
    file.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    shows = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shows.load_cert_chain(file)
    return shows, ssl.create_default_context(cadata=pem.decode())


@pytest.mark.parametrize(
    ("name", "trusted", "fetched"),
    [
        ("peer.example", True, True),
        ("other.example", True, False),
        ("peer.example", False, False),
    ],
    ids=["its own", "another's", "signed by nobody"],
)
async def test_a_server_without_a_certificate_for_its_name_is_not_believed(
    name: str, trusted: bool, fetched: bool, tmp_path: Path, names: Names
) -> None:
    shows, trusts = certificate(tmp_path, name)
    names.name("peer.example", [OUTSIDE])
    async with (
        Peer(tls=shows) as peer,
        open_session(
            user_agent="Hvx/test",
            allowed=lambda address: address == OUTSIDE,
            resolver=names,
            trust=trusts if trusted else None,
        ) as session,
    ):
        peer.answers["/"] = document({})
        url = peer.url("/", "peer.example")
        assert url.startswith("https:")
        if fetched:
            assert (await Fetcher(session).fetch(url)).url == url
        else:
            with pytest.raises(DownForNow) as error:
                await Fetcher(session).fetch(url)
            assert reason_of(error) == "tls"
            assert peer.requests == []

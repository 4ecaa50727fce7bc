"""What an answer may cost: its bytes and its time, whatever the other server does."""

import asyncio
import gzip
import zlib

import aiohttp
import pytest

from activitypub.fetching.errors import DownForNow, Refused
from activitypub.fetching.fetch import Fetcher, Limits
from tests.activitypub.fetching.conftest import reason_of, refusal
from tests.activitypub.fetching.peer import (
    ACTIVITY,
    Answer,
    Peer,
    endless,
    raw,
    redirect,
    whole,
)

HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: {ACTIVITY}\r\n".encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

# --- time ---------------------------------------------------------------------------------------


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


# --- size ---------------------------------------------------------------------------------------


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

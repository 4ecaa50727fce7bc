"""HTTP through the bridge: what Django gets, what the client gets, and who waits for whom."""

import asyncio
import io
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, cast

import pytest
from asgiref.typing import ASGI3Application
from django.core.handlers.wsgi import WSGIRequest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from devices.errors import TooLarge
from devices.parsers import MAX_BODY_BYTES, JSONParser
from hvx.bridge import WAITED_FOR_BYTES, bridge

View = Callable[[WSGIRequest], HttpResponseBase]


def scope(**changes: Any) -> Any:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"q=1",
        "headers": [(b"content-type", b"application/json")],
        "client": ("192.0.2.7", 4711),
        "server": ("127.0.0.1", 8000),
        **changes,
    }


class Client:
    """What an ASGI server is to an application: gives these messages, keeps what is sent."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = list(messages)
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> Any:
        return self.messages.pop(0)

    async def send(self, event: Any) -> None:
        self.sent.append(event)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def body(self) -> bytes:
        return b"".join(event["body"] for event in self.sent[1:])


def piece(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def bridged(view: View, *, threads: int = 1) -> ASGI3Application:
    """A bridge before one view, as Django's handler would call it."""

    def application(environ: dict[str, Any], start_response: Callable[..., None]) -> HttpResponseBase:
        response = view(WSGIRequest(environ))
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return response

    return bridge(application, threads=threads)


async def call(view: View, *messages: dict[str, Any], **changes: Any) -> Client:
    client = Client(*(messages or [piece(b"")]))
    await bridged(view)(scope(**changes), client.receive, client.send)
    return client


def echo(request: WSGIRequest) -> HttpResponse:
    return HttpResponse(request.read())


async def test_a_client_that_leaves_before_its_small_body_is_whole_reaches_no_view() -> None:
    reached: list[WSGIRequest] = []

    def view(request: WSGIRequest) -> HttpResponse:
        reached.append(request)
        return HttpResponse()

    client = await call(view, piece(b"{", more=True), {"type": "http.disconnect"})

    assert (reached, client.sent) == ([], [])


async def test_a_large_body_that_ends_short_is_read_short() -> None:
    begun = b"x" * WAITED_FOR_BYTES

    client = await call(
        echo,
        piece(begun, more=True),
        {"type": "http.disconnect"},
        headers=[(b"content-length", str(2 * WAITED_FOR_BYTES).encode())],
    )

    assert client.body == begun


async def test_a_header_with_an_underscore_passes_for_no_other() -> None:
    client = await call(
        lambda request: HttpResponse(request.headers["X-Forwarded-For"]),
        headers=[(b"x-forwarded-for", b"192.0.2.1"), (b"x_forwarded_for", b"198.51.100.1")],
    )

    assert client.body == b"192.0.2.1"


async def test_a_header_that_comes_twice_is_one_with_both_values() -> None:
    client = await call(
        lambda request: HttpResponse(request.headers["DPoP"]),
        headers=[(b"dpop", b"one"), (b"dpop", b"two")],
    )

    assert client.body == b"one,two"


async def test_a_query_that_is_not_ascii_arrives_as_the_same_text() -> None:
    client = await call(lambda request: HttpResponse(request.GET["q"]), query_string="q=zoë+%25".encode())

    assert client.body.decode() == "zoë %"


@pytest.mark.parametrize("path", ["/users/zoë", "/a%2Fb c"])
async def test_a_view_sees_the_path_that_was_asked_for(path: str) -> None:
    client = await call(lambda request: HttpResponse(request.path), path=path)

    assert client.body.decode() == path


async def test_a_view_sees_method_query_scheme_and_address() -> None:
    def view(request: WSGIRequest) -> HttpResponse:
        seen = (request.method, request.GET["q"], request.scheme, request.META["REMOTE_ADDR"])
        return HttpResponse(" ".join(map(str, seen)))

    assert (await call(view)).body == b"POST 1 https 192.0.2.7"


@pytest.mark.parametrize("lengths", [(0,), (5,), (5, 7), (WAITED_FOR_BYTES, 1), (1, 3 * WAITED_FOR_BYTES, 2)])
async def test_a_body_arrives_whole_in_however_many_pieces(lengths: tuple[int, ...]) -> None:
    pieces = [bytes([65 + number]) * length for number, length in enumerate(lengths)]
    sent = b"".join(pieces)

    client = await call(
        echo,
        *(piece(one, more=number < len(pieces) - 1) for number, one in enumerate(pieces)),
        headers=[(b"content-length", str(len(sent)).encode())],
    )

    assert client.body == sent


async def test_a_small_body_without_a_length_is_not_lost() -> None:
    client = await call(echo, piece(b"chun", more=True), piece(b"ked"))

    assert client.body == b"chunked"


async def test_status_and_headers_reach_the_client() -> None:
    client = await call(lambda request: HttpResponse(status=418, headers={"X-Leaf": "green"}))

    assert client.status == 418
    assert (b"x-leaf", b"green") in client.sent[0]["headers"]


async def test_a_stream_reaches_the_client_piece_by_piece_and_is_closed() -> None:
    closed = threading.Event()

    def pieces() -> Iterator[bytes]:
        try:
            yield b"one"
            yield b"two"
        finally:
            closed.set()

    client = await call(lambda request: StreamingHttpResponse(pieces()))

    assert [event["body"] for event in client.sent[1:]] == [b"one", b"two", b""]
    assert not client.sent[-1].get("more_body", False)
    assert closed.is_set()


async def test_a_stream_waits_for_a_client_that_reads_slowly() -> None:
    made: list[int] = []
    arrived, taken = asyncio.Event(), asyncio.Event()

    def pieces() -> Iterator[bytes]:
        for number in range(100):
            made.append(number)
            yield b"x"

    class Slow(Client):
        async def send(self, event: Any) -> None:
            await super().send(event)
            if event.get("more_body"):
                arrived.set()
                await taken.wait()

    client = Slow(piece(b""))
    answering = asyncio.ensure_future(
        bridged(lambda request: StreamingHttpResponse(pieces()))(scope(), client.receive, client.send)
    )
    await arrived.wait()

    assert len(made) < 20, "a few pieces wait between the thread and the client, and no more are made"
    taken.set()
    await answering
    assert len(made) == 100


async def test_a_file_goes_out_whole_and_is_closed() -> None:
    file = io.BytesIO(b"x" * (WAITED_FOR_BYTES + 1))

    client = await call(lambda request: FileResponse(file))

    assert client.body == b"x" * (WAITED_FOR_BYTES + 1)
    assert file.closed


async def test_who_stalls_in_the_middle_of_a_body_holds_no_thread_that_reads_one() -> None:
    class Stalling(Client):
        """Has sent as much as the longest body has, and not said that this is its end."""

        def __init__(self) -> None:
            super().__init__(piece(b" " * MAX_BODY_BYTES, more=True))
            self.stalls = asyncio.Event()

        async def receive(self) -> Any:
            if self.messages:
                return await super().receive()
            self.stalls.set()
            return await asyncio.Event().wait()

    def view(request: WSGIRequest) -> HttpResponse:
        return HttpResponse(str(JSONParser().parse(cast(Any, request))))

    one = bridged(view, threads=1)
    stalling, quick = Stalling(), Client(piece(b"7"))
    lengths = [(b"content-length", str(MAX_BODY_BYTES + 1).encode())]
    waiting = asyncio.ensure_future(one(scope(headers=lengths), stalling.receive, stalling.send))
    await stalling.stalls.wait()
    await asyncio.wait_for(one(scope(), quick.receive, quick.send), 20)
    assert quick.body == b"7"
    waiting.cancel()
    # One that is longer than what is read is refused before its end, and waits for nobody either.
    endless = Client(piece(b" " * (MAX_BODY_BYTES + 1), more=True))
    with pytest.raises(TooLarge):
        await one(scope(headers=[]), endless.receive, endless.send)


async def test_what_a_thread_keeps_in_its_context_is_there_at_the_next_request() -> None:
    kept: ContextVar[int] = ContextVar("kept", default=0)

    def view(request: WSGIRequest) -> HttpResponse:
        kept.set(kept.get() + 1)
        return HttpResponse(str(kept.get()))

    one = bridged(view)
    clients = [Client(piece(b"")) for _ in range(3)]
    for client in clients:
        await one(scope(), client.receive, client.send)

    assert [client.body for client in clients] == [b"1", b"2", b"3"]
    assert kept.get() == 0


async def test_a_slow_view_keeps_nobody_else_waiting_while_a_thread_is_free() -> None:
    release = threading.Event()

    def view(request: WSGIRequest) -> HttpResponse:
        if request.method == "PUT":
            release.wait()
        return HttpResponse(request.method)

    one = bridged(view, threads=2)
    slow, quick = Client(piece(b"")), Client(piece(b""))
    waiting = asyncio.ensure_future(one(scope(method="PUT"), slow.receive, slow.send))
    try:
        await one(scope(method="GET"), quick.receive, quick.send)
        assert quick.body == b"GET"
        assert not waiting.done()
    finally:
        release.set()
    await waiting
    assert slow.body == b"PUT"

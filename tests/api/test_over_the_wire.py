"""The native API of a real server: what only shows on a real connection."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from devices.parsers import MAX_BODY_BYTES
from tests.live import LiveServer
from tests.people import API, LiveWire, Person


@pytest.fixture
def live(server: LiveServer) -> Iterator[Person]:
    """Somebody registered at a real server."""
    wire = LiveWire(server.url, server.origin)
    person = Person(wire)
    person.register().expect(201)
    yield person
    wire.close()


def test_the_whole_story_of_a_device(live: Person) -> None:
    phone = live.new_handset("phone")
    assert phone.log_in().expect(200).json["state"] == "pending"
    assert phone.call("GET", "me").refusal == (403, "device_pending")
    phone.activate(token_type="DPoP").expect(200)
    assert phone.token_type == "DPoP"
    phone.call("GET", "me").expect(200)
    answer = phone.log_out().expect(204)
    assert answer.body == b""
    assert "content-length" not in answer.headers
    assert phone.refresh().refusal == (401, "device_revoked")


def test_a_body_that_is_too_large_is_refused_and_the_connection_serves_on(server: LiveServer) -> None:
    big = b'{"login":"' + b"a" * (2 * MAX_BODY_BYTES) + b'"}'
    headers = {"Content-Type": "application/json"}
    with httpx.Client(base_url=server.url, trust_env=False, timeout=20) as http:
        for content in (big, iter([big[:1000], big[1000:]])):  # with its length told, and in chunks
            answer = http.post(API + "password-reset", content=content, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
            assert http.get(API + "instance").status_code == 200


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET /api/hvx/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n",
        b"GET /api/hvx/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n",
        b"GET /api/hvx/v1/\x00 HTTP/1.1\r\nHost: x\r\n",
        b"GET /api/hvx/v1/accounts/%00 HTTP/1.1\r\nHost: x\r\n",
        b"GET /api/hvx/v1/accounts/%FF HTTP/1.1\r\nHost: x\r\n",
        b"GET //evil.example/api/hvx/v1/me HTTP/1.1\r\nHost: x\r\n",
        b"GET http://evil.example/api/hvx/v1/me HTTP/1.1\r\nHost: evil.example\r\n",
        b"GET /api/hvx/v1/me HTTP/1.1\r\nHost: a b\r\n",
        b"GET /api/hvx/v1/devices?limit=%00&cursor=%00 HTTP/1.1\r\nHost: x\r\n",
        b"NONSENSE /api/hvx/v1/me HTTP/1.1\r\nHost: x\r\n",
        b"nonsense\r\n",
    ],
)
def test_a_request_that_no_client_makes_is_refused_and_fails_nothing(
    server: LiveServer, request_head: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request_head + b"Connection: close\r\n\r\n")
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    status = int(received.split(b" ", 2)[1])
    assert 400 <= status < 500
    assert httpx.get(server.url + "/healthz", trust_env=False).status_code == 200


def test_a_head_request_is_answered_without_a_body(server: LiveServer) -> None:
    answer = httpx.head(server.url + API + "instance", trust_env=False)
    assert (answer.status_code, answer.content) == (200, b"")

"""A real server, asked over a socket."""

from collections.abc import Iterator

import httpx
import pytest

from tests.activitypub.reading import ACTIVITY
from tests.live import LiveServer
from tests.people import LiveWire, Person


@pytest.fixture
def asking(server: LiveServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"Accept": ACTIVITY}, trust_env=False) as client:
        yield client


@pytest.fixture
def live(server: LiveServer) -> Iterator[LiveWire]:
    wire = LiveWire(server.url, server.origin)
    yield wire
    wire.close()


def test_a_server_that_has_just_started_has_its_own_actor(server: LiveServer, asking: httpx.Client) -> None:
    read = asking.get("/actor").raise_for_status().json()
    assert (read["id"], read["type"]) == (f"{server.origin}/actor", "Application")
    assert read["publicKey"]["publicKeyPem"].startswith("-----BEGIN PUBLIC KEY-----")


def test_whoever_registers_is_found_by_name_and_has_keys_of_their_own(
    live: LiveWire, asking: httpx.Client
) -> None:
    people = [Person(live), Person(live)]
    keys = set()
    for person in people:
        person.register().expect(201)
        resource = {"resource": f"acct:{person.account}"}
        found = asking.get("/.well-known/webfinger", params=resource).raise_for_status().json()
        [actor] = [link["href"] for link in found["links"] if link["rel"] == "self"]
        read = asking.get(actor).raise_for_status().json()
        assert (read["id"], read["preferredUsername"]) == (actor, person.username)
        keys.add(read["publicKey"]["publicKeyPem"])
        head = asking.head(actor).raise_for_status()
        assert head.content == b""
        assert head.headers["content-type"] == ACTIVITY
    assert len(keys) == len(people)


def test_keys_are_rotated_while_the_server_runs(
    server: LiveServer, live: LiveWire, asking: httpx.Client
) -> None:
    person = Person(live)
    person.register().expect(201)
    before = asking.get(f"/users/{person.username}").json()["publicKey"]
    said = server.manage("federation", "rotate-keys", person.username)
    after = asking.get(f"/users/{person.username}").json()["publicKey"]
    assert after["id"] in said
    assert after["id"] != before["id"]
    assert after["publicKeyPem"] != before["publicKeyPem"]

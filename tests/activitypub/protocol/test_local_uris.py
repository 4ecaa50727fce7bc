"""Addresses of this server's actors."""

import pytest

from activitypub.protocol.local_uris import ActorURIs, username_at

ORIGIN = "https://example.org"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://example.org",
        "https://example.org/users/",
        "https://example.org/users/alice/followers",
        "https://example.org/users/alice#main-key",
        "https://example.org/users/alice?a",
        "https://example.org/users/actor",
        "https://example.org/x/users/alice",
        "https://example.org/actor/outbox",
        "http://example.org/users/alice",
        "https://example.org:8443/users/alice",
        "https://example.org.evil.example/users/alice",
        "https://evil.example/https://example.org/users/alice",
        "https://example.org@evil.example/users/alice",
    ],
)
def test_what_is_no_address_of_an_actor_here_names_nobody(uri: str) -> None:
    assert username_at(ORIGIN, uri) is None


def test_an_actors_address_names_it() -> None:
    assert username_at(ORIGIN, ActorURIs.of_user(ORIGIN, "alice").id) == "alice"
    assert username_at(ORIGIN, ActorURIs.of_instance(ORIGIN).id) == "actor"


def test_addresses_stand_where_the_protocol_puts_them() -> None:
    assert ActorURIs.of_user(ORIGIN, "alice") == ActorURIs(
        id="https://example.org/users/alice",
        inbox="https://example.org/users/alice/inbox",
        shared_inbox="https://example.org/inbox",
        outbox="https://example.org/users/alice/outbox",
        followers="https://example.org/users/alice/followers",
        following="https://example.org/users/alice/following",
        featured="https://example.org/users/alice/featured",
    )
    assert ActorURIs.of_instance(ORIGIN).id == "https://example.org/actor"

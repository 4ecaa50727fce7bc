"""WebFinger, host-meta and NodeInfo, as other servers ask for them."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.utils import timezone

from activitypub.models import LocalActor
from activitypub.protocol import webfinger
from activitypub.protocol.documents.reading import read
from activitypub.queries.usage import usage
from activitypub.services import actors
from devices.models import Device
from tests.accounts.test_erasure import erase
from tests.activitypub.reading import document, get
from tests.activitypub.test_actors import uri_of
from tests.people import Answer, DjangoWire, Person, Wire


@pytest.fixture(autouse=True)
def counted_anew() -> Iterator[None]:
    usage.cache_clear()
    yield
    usage.cache_clear()


def finger(wire: Wire, resource: str, more: str = "", **how: Any) -> Answer:
    return get(wire, f"/.well-known/webfinger?resource={quote(resource, safe='')}{more}", **how)


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "",
        "resource=",
        "resource=alice",
        "resource=acct:",
        "resource=acct:alice",
        "resource=acct:@localhost:8000",
        "resource=acct:alice@",
        "resource=acct:a@b@localhost:8000",
        "resource=mailto:alice@localhost:8000",
        "resource=javascript:alert(1)",
        "resource=acct:a%00@localhost:8000",
        "resource=%FF",
        "resource=acct:alice@localhost:99999",
        "resource=acct:alice@localhost:8000&resource=acct:bob@localhost:8000",
        "resource=acct:alice@" + "a" * 3000,
    ],
)
def test_a_resource_that_is_none_is_refused(wire: DjangoWire, query: str) -> None:
    assert get(wire, f"/.well-known/webfinger?{query}").refusal == (400, "resource_invalid")


@pytest.mark.parametrize(
    "resource",
    [
        "acct:nobody_here@{host}",
        "acct:actor@{host}",  # before the server has one
        "acct:{name}@remote.example",
        "acct:{name}@localhost",
        "acct:{name}@x.{host}",
        "acct:{name}.@{host}",
        "https://remote.example/users/{name}",
        "{origin}/users/nobody_here",
        "{origin}/users/{name}/followers",
        "{origin}/users/{name}#main-key",
        "{origin}/@{name}",
        "{origin}/",
    ],
)
def test_who_is_not_here_is_unknown(person: Person, resource: str) -> None:
    origin = person.wire.origin
    asked = resource.format(name=person.username, host=origin.split("://")[1], origin=origin)
    assert finger(person.wire, asked).refusal == (404, "unknown_actor")


def test_who_was_erased_is_gone(person: Person) -> None:
    erase(person.handset).expect(204)
    for resource in (f"acct:{person.account}", uri_of(person)):
        assert finger(person.wire, resource).refusal == (410, "actor_gone")


# --- Found -------------------------------------------------------------------------------------------


def test_a_handle_leads_to_the_actor_and_the_actor_to_the_handle(person: Person) -> None:
    name, _, host = person.account.partition("@")
    for asked in (
        f"acct:{person.account}",
        person.account,
        f"ACCT:{name.upper()}@{host.upper()}",
        uri_of(person),
    ):
        answer = finger(person.wire, asked, accept="").expect(200)
        assert answer.headers["content-type"] == "application/jrd+json"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.json["subject"] == f"acct:{person.account}"
        told = webfinger.descriptor(read(answer.body))
        assert told.actor == uri_of(person)
        username = document(person.wire, told.actor)["preferredUsername"]
        asking = webfinger.handle(person.account)
        assert asking is not None
        assert webfinger.against(asking, told, told.actor, username) is None


def test_links_are_those_that_were_asked_for(person: Person) -> None:
    resource = f"acct:{person.account}"
    assert {link["rel"] for link in finger(person.wire, resource).json["links"]} == {
        "self",
        "http://webfinger.net/rel/profile-page",
    }
    [link] = finger(person.wire, resource, "&rel=self").json["links"]
    assert link == {"rel": "self", "type": "application/activity+json", "href": uri_of(person)}
    assert finger(person.wire, resource, "&rel=nothing").json["links"] == []


def test_the_servers_own_actor_is_found_both_ways(wire: DjangoWire) -> None:
    actors.make_missing()
    host = wire.origin.split("://")[1]
    for asked in (f"acct:actor@{host}", f"{wire.origin}/actor"):
        found = finger(wire, asked).expect(200).json
        assert found["subject"] == f"acct:actor@{host}"
        assert [(link["rel"], link["href"]) for link in found["links"]] == [("self", f"{wire.origin}/actor")]


def test_a_suspended_actors_name_still_leads_to_it(person: Person) -> None:
    LocalActor.objects.filter(account_id=person.id).update(suspended_at=timezone.now())
    finger(person.wire, f"acct:{person.account}").expect(200)


def test_host_meta_says_where_webfinger_is(person: Person) -> None:
    answer = get(person.wire, "/.well-known/host-meta", "application/xrd+xml").expect(200)
    assert answer.headers["content-type"] == "application/xrd+xml; charset=utf-8"
    template = webfinger.template(answer.body)
    asking = webfinger.handle(person.account)
    assert template is not None
    assert asking is not None
    found = get(person.wire, webfinger.filled(template, asking)).expect(200)
    assert found.json["subject"] == f"acct:{person.account}"


def test_a_host_header_changes_no_address(person: Person) -> None:
    for path in (f"/users/{person.username}", "/.well-known/host-meta", "/.well-known/nodeinfo"):
        evil = {
            "Accept": "application/activity+json",
            "Host": "evil.example",
            "X-Forwarded-Host": "evil.example",
        }
        answer = person.wire.request("GET", path, headers=evil, body=None).expect(200)
        assert b"evil" not in answer.body
        assert person.wire.origin.encode() in answer.body


# --- NodeInfo ----------------------------------------------------------------------------------------


def nodeinfo(wire: Wire) -> Any:
    link, own = get(wire, "/.well-known/nodeinfo", "application/json").expect(200).json["links"]
    assert own == {
        "rel": "https://www.w3.org/ns/activitystreams#Application",
        "href": f"{wire.origin}/actor",
    }
    assert link["rel"] == "http://nodeinfo.diaspora.software/ns/schema/2.1"
    answer = get(wire, link["href"], "application/json").expect(200)
    assert answer.headers["content-type"] == (
        'application/json; profile="http://nodeinfo.diaspora.software/ns/schema/2.1#"'
    )
    return json.loads(answer.body)


def test_nodeinfo_tells_what_runs_here_and_for_how_many(person: Person, settings: Any) -> None:
    Person(person.wire).register().expect(201)
    away = timezone.now() - timedelta(days=100)
    Device.objects.filter(account_id=person.id).update(last_seen_at=away)
    assert nodeinfo(person.wire) == {
        "version": "2.1",
        "software": {"name": "hvx", "version": settings.HVX_VERSION},
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": True,
        "usage": {"users": {"total": 2, "activeMonth": 1, "activeHalfyear": 2}, "localPosts": 0},
        "metadata": {},
    }


@pytest.mark.parametrize("registration", ["closed", "invite"])
def test_registration_is_open_to_everybody_or_is_not_open(
    wire: DjangoWire, settings: Any, registration: str
) -> None:
    settings.HVX_REGISTRATION = registration
    assert nodeinfo(wire)["openRegistrations"] is False


def test_the_source_of_a_changed_server_is_named(wire: DjangoWire, settings: Any) -> None:
    settings.HVX_SOURCE_URL = "https://example.org/source"
    assert nodeinfo(wire)["software"]["repository"] == "https://example.org/source"

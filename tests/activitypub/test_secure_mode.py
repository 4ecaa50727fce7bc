"""Secure mode: what is read by signed requests alone, and what stays open."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as read_settings
from django.db import connections
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from activitypub.models import HostPolicy, Severity
from activitypub.protocol.signatures.messages import SignedRequest
from activitypub.remote import keys, session, signing
from activitypub.services.actors import make_missing
from activitypub.views.signed import reader
from tests.activitypub.fetching.peer import Peer, status
from tests.activitypub.senders import ACTIVITY, Sender, ask, rsa_key
from tests.people import DjangoWire, Handset, Person


@pytest.fixture
async def application(settings: Settings, transactional_db: None) -> AsyncIterator[Any]:
    """All of HTTP, in secure mode, with peers on the loopback."""
    from hvx.asgi import http

    settings.HVX_FEDERATION_SECURE_MODE = True
    settings.HVX_FEDERATION_ALLOW_PRIVATE = True
    keys.forget()
    signing.forget()
    yield http
    await session.close()
    await sync_to_async(connections.close_all)()
    keys.forget()
    signing.forget()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with Peer() as peer:
        yield peer


@pytest.fixture
def bob(peer: Peer) -> Sender:
    return Sender(peer).publish()


@pytest.fixture
def alice(transactional_db: None) -> Person:
    make_missing()
    person = Person(DjangoWire())
    person.register().expect(201)
    return person


@pytest.fixture
def pending(alice: Person) -> Handset:
    """A device of hers that nobody has certified yet."""
    handset = alice.new_handset()
    handset.log_in().expect(200)
    return handset


def unsigned(target: str, accept: str = ACTIVITY) -> SignedRequest:
    host = read_settings.HVX_HOST
    return SignedRequest("GET", target, host, (("Host", host), ("Accept", accept)), scheme="http")


async def test_actors_and_collections_are_shown_to_signers_alone(
    application: Any, alice: Person, bob: Sender
) -> None:
    for behind in ("", "/followers", "/following", "/outbox", "/featured", "/followers?page=1"):
        target = f"/users/{alice.username}{behind}"
        refused = await ask(application, unsigned(target))
        assert (refused.status, refused.problem["code"]) == (401, "signature_refused")
        assert refused.problem["reason"] == "unsigned"
        for scheme in ("cavage", "rfc9421"):
            shown = await ask(application, bob.signed(unsigned(target), scheme=scheme))
            assert (shown.status, shown.headers["cache-control"]) == (200, "private, no-store")
            assert json.loads(shown.body)["id"].endswith(target)


async def test_what_servers_need_before_they_can_sign_stays_open(application: Any, alice: Person) -> None:
    found = f"/.well-known/webfinger?resource=acct:{alice.account}"
    for target in ("/actor", found, "/.well-known/nodeinfo", "/nodeinfo/2.1", "/.well-known/host-meta"):
        assert (await ask(application, unsigned(target))).status == 200


async def test_the_page_of_an_actor_is_for_everybody(application: Any, alice: Person) -> None:
    page = await ask(application, unsigned(f"/users/{alice.username}", "text/html"))
    assert (page.status, page.headers["content-type"].partition(";")[0]) == (200, "text/html")


async def test_a_signature_for_another_address_another_server_or_another_time_shows_nothing(
    application: Any, alice: Person, bob: Sender
) -> None:
    target = f"/users/{alice.username}"
    signed = bob.signed(unsigned(target))
    forged = {
        "signature_invalid": replace(signed, target=f"{target}/followers"),
        "expired": bob.signed(unsigned(target), age=4200),
        "key_missing": bob.signed(unsigned(target), key_id=f"{bob.uri}#other"),
        "key_unknown": bob.signed(unsigned(target), key_id=bob.peer.url("/users/nobody#main-key")),
    }
    for reason, request in forged.items():
        answer = await ask(application, request)
        assert answer.status == 401
        expected = "key_unknown" if reason.startswith("key_") else reason
        assert answer.problem["reason"] == expected


async def test_a_new_key_of_the_reader_is_found_as_at_an_inbox(
    application: Any, alice: Person, bob: Sender
) -> None:
    target = f"/users/{alice.username}"
    assert (await ask(application, bob.signed(unsigned(target)))).status == 200
    renewed = Sender(bob.peer, "bob", rsa_key("renewed")).publish()
    assert (await ask(application, renewed.signed(unsigned(target)))).status == 200


async def test_a_suspended_host_reads_nothing(application: Any, alice: Person, bob: Sender) -> None:
    await HostPolicy.objects.acreate(host="127.0.0.1", severity=Severity.SUSPEND)
    answer = await ask(application, bob.signed(unsigned(f"/users/{alice.username}")))
    assert (answer.status, answer.problem["code"]) == (403, "host_suspended")


async def test_a_person_of_this_server_reads_by_a_token(
    application: Any, alice: Person, pending: Handset
) -> None:
    asked = unsigned(f"/users/{alice.username}/outbox")
    for token, expected in ((alice.handset.token, 200), ("made-up", 401), (pending.token, 403)):
        headers = (*asked.headers, ("Authorization", f"Bearer {token}"))
        assert (await ask(application, replace(asked, headers=headers))).status == expected


async def test_without_secure_mode_nobody_needs_to_sign(
    application: Any, settings: Settings, alice: Person, bob: Sender
) -> None:
    settings.HVX_FEDERATION_SECURE_MODE = False
    target = f"/users/{alice.username}"
    assert (await ask(application, unsigned(target))).status == 200
    bob.peer.answers["/users/bob"] = status("410 Gone")
    shown = await ask(application, bob.signed(unsigned(target)))
    assert (shown.status, bob.peer.requests) == (200, [])


async def test_a_view_learns_who_reads_and_takes_everybody_else_for_anybody(
    application: Any, alice: Person, bob: Sender
) -> None:
    def read_by(request: SignedRequest) -> str | None:
        headers = {name: value for name, value in request.headers if name != "Host"}
        made = RequestFactory().get(request.target, headers=headers | {"host": request.authority})
        found = reader(made)
        return found.actor_uri if found else None

    target = f"/users/{alice.username}"
    signed = bob.signed(unsigned(target))
    assert (await ask(application, signed)).status == 200
    assert await sync_to_async(read_by)(signed) == bob.uri
    assert await sync_to_async(read_by)(unsigned(target)) is None
    assert await sync_to_async(read_by)(bob.signed(unsigned(target), key=rsa_key("mallory"))) is None

"""Where a hashtag leads to."""

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from activitypub.models import Hashtag, LocalActor, Post, Visibility
from activitypub.queries import tags
from activitypub.rendering import PUBLIC
from tests.activitypub.queries.test_timelines import post
from tests.activitypub.reading import document, get
from tests.activitypub.test_actors import BROWSER, remote
from tests.activitypub.test_outbox import made, note
from tests.people import DjangoWire, Person, Wire


def tagged(one: Post, name: str = "cats") -> Post:
    Hashtag.objects.create(post=one, name=name)
    return one


def items(wire: Wire, query: str = "?page=first", name: str = "cats") -> Any:
    return get(wire, f"/tags/{name}{query}").expect(200).json


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a b", "x" * 101, "%3Cb%3E", "a.b", "%23cats", "%00", "a%2Fb"])
def test_what_is_no_word_is_no_hashtag(wire: DjangoWire, name: str) -> None:
    for accept in ("application/activity+json", BROWSER):
        assert get(wire, f"/tags/{name}", accept).status == 404


def test_a_hashtag_is_only_read(wire: DjangoWire) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert get(wire, "/tags/cats", method=method).refusal == (405, "method_not_allowed")
    assert get(wire, "/tags/cats", "image/png").refusal == (406, "not_acceptable")
    assert get(wire, "/tags/cats?page=x").refusal == (400, "cursor_invalid")


def test_what_is_not_public_or_not_of_here_is_not_shown(person: Person, alice: LocalActor) -> None:
    for visibility in (Visibility.UNLISTED, Visibility.PRIVATE, Visibility.DIRECT):
        tagged(post(alice, visibility, content="<p>a secret</p>"))
    tagged(post(remote(), content="<p>from elsewhere</p>"))
    tagged(post(alice, content="<p>another word</p>"), "dogs")
    assert items(person.wire)["orderedItems"] == []
    page = get(person.wire, "/tags/cats", BROWSER).expect(200).body.decode()
    assert "Nothing on this page" in page
    for text in ("a secret", "from elsewhere", "another word"):
        assert text not in page


def test_who_is_suspended_is_not_shown(person: Person, alice: LocalActor) -> None:
    tagged(post(alice))
    LocalActor.objects.filter(pk=alice.pk).update(suspended_at="2026-01-01T00:00:00Z")
    assert items(person.wire)["orderedItems"] == []


def test_in_secure_mode_the_list_wants_a_signature_and_the_page_does_not(
    wire: DjangoWire, db: None, settings: Settings
) -> None:
    settings.HVX_FEDERATION_SECURE_MODE = True
    assert get(wire, "/tags/cats").refusal == (401, "signature_refused")
    get(wire, "/tags/cats", BROWSER).expect(200)


# --- Shown -------------------------------------------------------------------------------------------


def test_the_address_that_a_post_names_leads_to_the_post(person: Person) -> None:
    created = made(person, note("two #Cats and a #café", mediaType="text/plain", to=[PUBLIC]))["object"]
    addresses = {tag["name"]: tag["href"] for tag in created["tag"]}
    assert set(addresses) == {"#cats", "#café"}
    for name, address in addresses.items():
        collection = document(person.wire, address)
        assert (collection["type"], collection["name"]) == ("OrderedCollection", name)
        page = get(person.wire, collection["first"]).expect(200)
        assert page.headers["vary"]
        assert page.json["orderedItems"] == [created["id"]]
        html = get(person.wire, address, BROWSER).expect(200)
        assert created["id"].encode() in html.body
        assert html.headers["content-security-policy"].startswith("default-src 'none'")
        assert "Accept" in html.headers["vary"]


def test_a_word_is_the_same_in_every_case(person: Person, alice: LocalActor) -> None:
    one = tagged(post(alice))
    assert items(person.wire, name="CATS")["orderedItems"] == [one.uri]
    assert items(person.wire, "", "CATS")["id"] == f"{person.wire.origin}/tags/cats"


def test_pages_go_on_where_the_last_one_ended(
    person: Person, alice: LocalActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tags, "PAGE_SIZE", 2)
    monkeypatch.setattr(tags, "LOOKED_AT", 4)
    bob = remote()
    written = []
    for _ in range(5):
        written.append(tagged(post(alice)).uri)
        tagged(post(bob))
        tagged(post(bob))
    found: list[str] = []
    query = "?page=first"
    for _ in range(20):
        page = items(person.wire, query)
        assert len(page["orderedItems"]) <= 2
        found += page["orderedItems"]
        if "next" not in page:
            break
        query = page["next"].partition("/tags/cats")[2]
    assert found == written[::-1]

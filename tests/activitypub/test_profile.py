"""What an actor tells of itself, changed."""

import pytest
from rest_framework.exceptions import ValidationError

from activitypub.errors import UnknownActor
from activitypub.models import Follow, FollowState, LocalActor, Sent
from activitypub.services.profile import MAX_FIELDS, Profile, update_profile
from tests.accounts.test_erasure import erase
from tests.activitypub.reading import document, get
from tests.activitypub.test_actors import BROWSER, actor_of, remote, uri_of
from tests.people import Person


@pytest.mark.parametrize(
    ("profile", "field"),
    [
        (Profile(display_name="a" * 101), "display_name"),
        (Profile(display_name="a\0"), "display_name"),
        (Profile(summary="a" * 5001), "summary"),
        (Profile(fields=[("a", "b")] * (MAX_FIELDS + 1)), "fields"),
        (Profile(fields=[("a" * 501, "b")]), "fields"),
        (Profile(fields=[("a", "\0")]), "fields"),
        (Profile(icon="javascript:alert(1)"), "icon"),
        (Profile(icon="data:image/png;base64,AA"), "icon"),
        (Profile(icon="//example.org/a.png"), "icon"),
        (Profile(icon="https:///a.png"), "icon"),
        (Profile(icon="https://example.org/a b.png"), "icon"),
        (Profile(image="https://[::1/a.png"), "image"),
        (Profile(image="https://example.org/" + "a" * 2048), "image"),
    ],
)
def test_what_is_too_long_or_no_address_is_refused(person: Person, profile: Profile, field: str) -> None:
    before = document(person.wire, uri_of(person))
    with pytest.raises(ValidationError) as refused:
        update_profile(actor_of(person), profile)
    assert isinstance(refused.value.detail, dict)
    assert refused.value.detail.keys() == {field}
    assert document(person.wire, uri_of(person)) == before


def test_an_erased_actor_is_not_written_back(person: Person) -> None:
    actor = actor_of(person)
    erase(person.handset).expect(204)
    with pytest.raises(UnknownActor):
        update_profile(actor, Profile(display_name="Alice"))
    assert get(person.wire, uri_of(person)).status == 410


def test_markup_that_was_typed_is_shown_and_not_obeyed(person: Person) -> None:
    evil = "<script>alert(1)</script>"
    update_profile(actor_of(person), Profile(display_name=evil, summary=evil, fields=[(evil, evil)]))
    read = document(person.wire, uri_of(person))
    # Names are plain text in the vocabulary, the rest is HTML.
    assert read["name"] == read["attachment"][0]["name"] == evil
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt;"
    assert (read["summary"], read["attachment"][0]["value"]) == (f"<p>{escaped}</p>", escaped)
    page = get(person.wire, uri_of(person), BROWSER).body.decode()
    assert "<script" not in page
    assert page.count(escaped) == 5  # title, heading, summary, the field's name and value


def test_a_profile_is_told_whole_and_what_is_not_named_stays(person: Person) -> None:
    update_profile(
        actor_of(person),
        Profile(
            display_name="Alice",
            summary="Hello\n\nthere",
            fields=[("Home", "https://example.org/")],
            icon="https://example.org/a.png",
            image="https://example.org/b.png",
        ),
    )
    update_profile(actor_of(person), Profile(locked=True, indexable=True, discoverable=True))
    read = document(person.wire, uri_of(person))
    assert (read["name"], read["summary"]) == ("Alice", "<p>Hello</p><p>there</p>")
    assert read["icon"] == {"type": "Image", "url": "https://example.org/a.png"}
    assert read["image"] == {"type": "Image", "url": "https://example.org/b.png"}
    [field] = read["attachment"]
    assert (field["type"], field["name"]) == ("PropertyValue", "Home")
    assert field["value"].startswith('<a href="https://example.org/" rel="me nofollow')
    flags = ("manuallyApprovesFollowers", "indexable", "discoverable")
    assert [read[name] for name in flags] == [True, True, True]
    update_profile(actor_of(person), Profile(icon="", fields=[], summary=""))
    read = document(person.wire, uri_of(person))
    assert "icon" not in read
    assert (read["attachment"], read["summary"], read["name"]) == ([], "", "Alice")


def test_a_change_is_told_once_and_what_changes_nothing_is_told_nobody(person: Person) -> None:
    actor = actor_of(person)
    Follow.objects.create(follower=remote(), followee=actor, state=FollowState.ACCEPTED)
    profile = Profile(display_name="Alice", summary="Hello", fields=[("Home", "here")], locked=True)
    told = update_profile(actor, profile)
    assert (told["type"], told["object"]["name"]) == ("Update", "Alice")
    assert update_profile(actor, profile)["object"] == told["object"]
    assert update_profile(actor, Profile())["object"] == told["object"]
    assert list(Sent.objects.values_list("uri", "type")) == [(told["id"], "Update")]


def test_who_has_moved_can_say_so_in_their_own_words_and_has_moved_still(person: Person) -> None:
    there = "https://new.example/users/x"
    LocalActor.objects.filter(pk=actor_of(person).pk).update(moved_to=there)
    Follow.objects.create(follower=remote(), followee=actor_of(person), state=FollowState.ACCEPTED)
    told = update_profile(actor_of(person), Profile(summary="I am over there now"))
    assert told["object"]["movedTo"] == there
    assert list(Sent.objects.values_list("uri", "type")) == [(told["id"], "Update")]
    read = document(person.wire, uri_of(person))
    assert (read["summary"], read["movedTo"]) == ("<p>I am over there now</p>", there)
    assert actor_of(person).moved_to == there


def test_a_change_writes_back_nothing_that_it_does_not_name(person: Person) -> None:
    stale = actor_of(person)
    LocalActor.objects.filter(pk=stale.pk).update(
        also_known_as=["https://old.example/users/x"], indexable=True
    )
    update_profile(stale, Profile(display_name="Alice"))
    row = actor_of(person)
    assert (row.also_known_as, row.indexable) == (["https://old.example/users/x"], True)

"""What people tell of themselves, by an Update of their own actor."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import throttle
from activitypub.models import Follow, FollowState, Notification, RemoteActor, Sent
from activitypub.outbox.own_profile import prepare, text_of
from activitypub.protocol import plain_text
from activitypub.services import departing
from activitypub.services.profile import Profile, update_profile
from tests.accounts.test_access_keys import exchange
from tests.accounts.test_access_keys import made as made_key
from tests.accounts.test_erasure import erase
from tests.activitypub.inbox.effects import does, everything, neighbour
from tests.activitypub.reading import document
from tests.activitypub.test_actors import actor_of, uri_of
from tests.activitypub.test_outbox import made, submit
from tests.activitypub.test_own_inbox import arrived
from tests.people import Answer, Person

ADDRESS = "https://pictures.example/a.png"


def update(person: Person, **members: Any) -> dict[str, Any]:
    return {"type": "Update", "object": {"id": uri_of(person), **members}}


def changed(person: Person, **members: Any) -> Any:
    """The actor as others read it after an Update of these."""
    told = made(person, update(person, **members))["object"]
    read = document(person.wire, uri_of(person))
    assert told == {name: value for name, value in read.items() if name != "@context"}
    return read


def field(name: Any = "Home", value: Any = "here") -> dict[str, Any]:
    return {"type": "PropertyValue", "name": name, "value": value}


@pytest.fixture
def fan(person: Person) -> RemoteActor:
    """A follower elsewhere."""
    found = neighbour("fan")
    Follow.objects.create(follower=found, followee=actor_of(person), state=FollowState.ACCEPTED)
    return found


# --- Refused: who ------------------------------------------------------------------------------------


def test_an_access_key_and_another_change_nobodys_profile(person: Person) -> None:
    other = Person(person.wire)
    other.register().expect(201)
    token = exchange(made_key(person, scopes=["social:write"])).expect(200).json["access_token"]
    before = everything()
    answer = submit(person, update(person, name="x"), authorization=f"Bearer {token}", proof=False)
    assert answer.refusal == (403, "insufficient_scope")
    assert submit(other, update(person, name="x")).refusal == (404, "unknown_post")
    assert submit(other, update(person, name="x"), to=person).refusal == (403, "not_yours")
    forged = {**update(other, name="x"), "actor": uri_of(person)}
    assert submit(other, forged).refusal == (422, "activity_refused")
    assert submit(person, update(person, name="x"), authorization=False).refusal[0] == 401
    assert everything() == before


def test_who_was_erased_meanwhile_has_no_profile(person: Person) -> None:
    deed = prepare(actor_of(person), {"id": uri_of(person), "name": "Alice"})
    erase(person.handset).expect(204)
    before = everything()
    with pytest.raises(Exception, match="no such actor"):
        deed()
    assert everything() == before


# --- Refused: what -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("name", [7, True, [], {}, ["Alice"], "a" * 101, "a" * 200_000]),
        ("summary", [7, False, [], {}, ["Hello"], "a" * 5001, "<p>" * 4001, "<b></b>" * 20_000]),
        (
            "source",
            [
                None,
                "Hello",
                [],
                {},
                {"content": None},
                {"content": 7},
                {"content": "<p>x</p>", "mediaType": "text/html"},
                {"content": "x", "mediaType": ["text/plain"]},
                {"content": "x", "mediaType": None},
            ],
        ),
        (
            "icon",
            [
                7,
                True,
                "",
                "javascript:alert(1)",
                "data:image/png;base64,AA",
                "https://",
                [],
                [ADDRESS],
                {},
                {"url": ADDRESS},
                {"type": "Image"},
                {"type": "Image", "url": None},
                {"type": "Image", "url": "javascript:alert(1)"},
                {"type": "Link", "href": "file:///etc/hosts"},
                {"type": "Video", "url": ADDRESS},
                {"type": ["Image"], "url": ADDRESS},
                "https://pictures.example/" + "a" * 2048,
                "https://pictures.example/a b.png",
            ],
        ),
        ("image", [7, "javascript:alert(1)", {"type": "Image", "url": 7}]),
        (
            "attachment",
            [
                7,
                "x",
                {},
                [None],
                [[]],
                ["x"],
                [field()] * 9,
                [field(value="<b>" * 4000)] * 80,
                [field(name=None)],
                [field(name="")],
                [field(name="<b></b>")],
                [field(name=["x"])],
                [field(value=None)],
                [field(value=7)],
                [field(name="a" * 501)],
                [field(value="a" * 501)],
                [{"type": "Image", "url": ADDRESS}],
                [{"name": "Home", "value": "here"}],
                [{**field(), "type": ["PropertyValue"]}],
                [{**field(), "rel": "me"}],
                [field(), {"type": "PropertyValue"}],
            ],
        ),
        ("manuallyApprovesFollowers", [None, 0, 1, "true", "", [], [True], {}]),
        ("discoverable", [None, 0, 1, "false", [True]]),
        ("indexable", [None, 0, 1, 1.0, {}]),
    ],
)
def test_what_a_member_cannot_hold_is_refused_by_its_name(
    person: Person, fan: RemoteActor, member: str, values: list[Any]
) -> None:
    update_profile(actor_of(person), Profile(display_name="Alice", summary="Hello"))
    before = everything()
    for value in values:
        # The others are as they should be, and change no more than it does.
        others = {"name": "Eve", "summary": "Bye", "icon": ADDRESS, "indexable": True}
        answer = submit(person, update(person, **others | {member: value}))
        assert answer.refusal == (422, "invalid_fields"), value
        assert answer.json["errors"].keys() == {member}, value
    assert everything() == before


def test_a_source_that_is_too_long_is_refused(person: Person) -> None:
    answer = submit(person, update(person, source={"content": "a" * 5001}))
    assert (answer.refusal, set(answer.json["errors"])) == ((422, "invalid_fields"), {"summary"})
    assert not actor_of(person).summary


def test_a_nul_is_refused(person: Person) -> None:
    body = b'{"type": "Update", "object": {"id": "%s", "name": "a\\u0000"}}' % uri_of(person).encode()
    assert submit(person, body).refusal == (400, "activity_malformed")
    changed(person, summary="a&#0;b<br>")
    assert "\0" not in actor_of(person).summary_source


@pytest.mark.parametrize(
    "members",
    [
        {"alsoKnownAs": []},
        {"movedTo": None},
        {"interactionPolicy": {"canQuote": {"automaticApproval": []}}},
        {"id": "https://else.example/users/x"},
        {"type": "Service"},
        {"inbox": "https://else.example/inbox"},
        {"publicKey": {}},
        {"publicKey": None},
        {"assertionMethod": []},
        {"preferredUsername": "eve"},
        {"published": "2001-01-01T00:00:00Z"},
        {"suspended": False},
        {"followers": None},
        {"account": 1},
        {"nameMap": {"en": "Eve"}},
        {"pk": 1},
        {"display_name": "Eve"},
    ],
)
def test_with_a_member_that_is_not_the_persons_nothing_is_changed(
    person: Person, fan: RemoteActor, members: dict[str, Any]
) -> None:
    before = everything()
    answer = submit(person, update(person, **{"name": "Eve", **members}))
    assert answer.status in (404, 422)
    assert answer.code in ("activity_refused", "unknown_post")
    assert everything() == before


# --- Changed -----------------------------------------------------------------------------------------


def test_several_members_are_one_change_and_one_update(person: Person, fan: RemoteActor) -> None:
    read = changed(
        person,
        type="Person",
        name="Alice",
        summary="<p>Hello</p><p>there</p>",
        icon={"type": "Image", "mediaType": "image/png", "url": ADDRESS},
        image=ADDRESS,
        attachment=[field("Home", '<a href="https://alice.example/" rel="me">alice.example/</a>')],
        manuallyApprovesFollowers=True,
        discoverable=True,
        indexable=True,
    )
    assert (read["name"], read["summary"]) == ("Alice", "<p>Hello</p><p>there</p>")
    assert read["icon"] == read["image"] == {"type": "Image", "url": ADDRESS}
    [home] = read["attachment"]
    assert home["value"].startswith('<a href="https://alice.example/" rel="me nofollow')
    assert actor_of(person).fields[0]["source"] == "https://alice.example/"
    assert read["manuallyApprovesFollowers"] is read["discoverable"] is read["indexable"] is True
    assert [row.type for row in Sent.objects.all()] == ["Update"]


def test_what_is_not_named_stays_and_what_is_null_goes(person: Person) -> None:
    changed(person, name="Alice", summary="Hello", icon=ADDRESS, attachment=field(), indexable=True)
    read = changed(person, icon=None)
    assert ("icon" in read, read["name"], read["summary"]) == (False, "Alice", "<p>Hello</p>")
    assert ([row["name"] for row in read["attachment"]], read["indexable"]) == (["Home"], True)
    read = changed(person, name=None, summary=None, attachment=None, indexable=False)
    assert (read["name"], read["summary"], read["attachment"], read["indexable"]) == ("", "", [], False)
    changed(person, name="Alice", summary="Hello", attachment=[field()])
    read = changed(person, name="", summary="", attachment=[])
    assert (read["name"], read["summary"], read["attachment"]) == ("", "", [])


def test_of_markup_the_text_is_kept_and_nothing_that_runs(person: Person) -> None:
    evil = '<b>a</b><script>alert(1)</script><img src=x onerror=alert(1)> & <a href="javascript:b">c</a>'
    read = changed(person, name=evil, summary=evil, attachment=[field(evil, evil)])
    assert read["name"] == read["attachment"][0]["name"] == actor_of(person).summary_source == "a & c"
    assert (read["summary"], read["attachment"][0]["value"]) == ("<p>a &amp; c</p>", "a &amp; c")
    assert changed(person, name="<p>Alice</p><br>\nof here")["name"] == "Alice of here"
    # What only says that it is markup is text.
    read = changed(person, summary="&lt;script&gt;alert(1)&lt;/script&gt;")
    assert read["summary"] == "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"


@pytest.mark.parametrize("how", [{}, {"mediaType": "text/plain"}, {"mediaType": "text/markdown"}])
def test_a_source_is_kept_as_it_was_typed(person: Person, how: dict[str, str]) -> None:
    typed = "*Hello* <b>\nhttps://alice.example/"
    read = changed(person, summary="<p>something else</p>", source={"content": typed, **how})
    assert actor_of(person).summary_source == typed
    assert read["summary"].startswith('<p>*Hello* &lt;b&gt;<br><a href="https://alice.example/"')
    assert changed(person, source={"content": ""})["summary"] == ""


def test_an_actor_that_is_sent_back_whole_changes_what_differs_alone(
    person: Person, fan: RemoteActor
) -> None:
    departing.set_aliases(actor_of(person), ["https://old.example/users/x"])
    typed = Profile(summary="<3 https://a.example/\n\n*b*", fields=[("Home", "https://b.example/?c&d")])
    update_profile(actor_of(person), typed)
    read = document(person.wire, uri_of(person))
    Sent.objects.all().delete()
    before = everything()
    answer = submit(person, {"type": "Update", "object": read}).expect(201)
    assert {"@context": read["@context"], **answer.json["object"]} == read
    assert everything() == before

    assert changed(person, **{**read, "name": "Alice"}) == {**read, "name": "Alice"}
    row = actor_of(person)
    assert (row.summary_source, row.fields[0]["source"]) == (typed.summary, "https://b.example/?c&d")
    assert Sent.objects.count() == 1

    fields = [*read["attachment"], field("More", "text")]
    assert changed(person, attachment=fields)["attachment"] == fields
    assert actor_of(person).fields[0]["source"] == "https://b.example/?c&d"
    summary = read["summary"].replace("*b*", "<b>c</b><br>d")
    changed(person, summary=summary)
    assert actor_of(person).summary_source == "<3 https://a.example/\n\nc\nd"


TYPED = st.text(st.sampled_from("ab <>&;'\"\n#/.") | st.characters(exclude_categories=["C"]), max_size=40)


@given(st.lists(TYPED | st.just("https://a.example/?b&c'"), max_size=6).map(" ".join))
@settings(max_examples=200, derandomize=True, database=None)
def test_what_is_made_of_a_summary_makes_the_same_again(typed: str) -> None:
    html = plain_text.paragraphs(typed)
    assert plain_text.paragraphs(text_of(html)) == html


def test_an_update_that_comes_again_is_done_once(person: Person, fan: RemoteActor) -> None:
    first = submit(person, update(person, name="Alice"), key="k").expect(201)
    changed(person, name="Bob")
    again = submit(person, update(person, name="Alice"), key="k").expect(201)
    assert (again.json, again.headers["idempotency-replayed"]) == (first.json, "true")
    assert (actor_of(person).display_name, Sent.objects.count()) == ("Bob", 2)


def test_who_approves_followers_is_asked_and_answers(person: Person) -> None:
    eve, fan = neighbour("eve"), neighbour("fan")
    changed(person, manuallyApprovesFollowers=True)
    for who in (eve, fan):
        assert does(who, "Follow", object=uri_of(person)) == "done"
    assert set(Follow.objects.values_list("state", flat=True)) == {FollowState.REQUESTED}
    assert set(Notification.objects.values_list("type", flat=True)) == {"follow_request"}
    assert not Sent.objects.exclude(type="Update").exists()
    asked = dict(Follow.objects.values_list("follower__username", "uri"))
    assert {("Follow", uri_of(person))} == set(arrived(person))
    made(person, {"type": "Accept", "object": asked["fan"]})
    made(person, {"type": "Reject", "object": asked["eve"]})
    assert list(Follow.objects.values_list("follower", "state")) == [(fan.pk, FollowState.ACCEPTED)]
    # Whom nobody has to approve any more is accepted at once.
    changed(person, manuallyApprovesFollowers=False)
    does(eve, "Follow", object=uri_of(person))
    assert Follow.objects.get(follower=eve).state == FollowState.ACCEPTED


def test_no_shape_of_a_profile_is_half_written(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "ACTIVITIES", throttle.Limit("ACTIVITIES", 10**6, 10**4))
    plain = st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(["", "a", "<p>b</p>", ADDRESS])
    things = st.dictionaries(
        st.sampled_from(["type", "url", "href", "name", "value", "content", "mediaType"]),
        plain | st.sampled_from(["Image", "Link", "PropertyValue", "text/plain"]),
    )
    inner = plain | things | st.lists(plain | things, max_size=2)
    names = ["name", "summary", "source", "icon", "image", "attachment", "discoverable", "indexable"]
    seen = set()

    @given(st.dictionaries(st.sampled_from(names), inner, max_size=3))
    @settings(max_examples=60, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def submitted(members: dict[str, Any]) -> None:
        before = everything()
        answer: Answer = submit(person, update(person, **members))
        seen.add(answer.status)
        assert answer.status in (201, 422), members
        if answer.status == 422:
            assert answer.code in ("activity_refused", "invalid_fields")
            assert everything() == before

    submitted()
    assert seen == {201, 422}

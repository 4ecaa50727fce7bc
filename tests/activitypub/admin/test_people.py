"""Reports, actors and posts at the administration."""

import orjson
import pytest

from activitypub.models import (
    Actor,
    Deleted,
    Delivery,
    Edition,
    Follow,
    FollowState,
    LocalActor,
    Post,
    RemoteActor,
    Report,
    Sent,
)
from activitypub.queries import actors
from activitypub.services import moderation, reviewing
from audit.errors import AuditUnavailable
from audit.events import Event
from audit.queries import found, rows_of
from tests.activitypub.living import post
from tests.activitypub.test_actors import remote
from tests.desk import Desk, text
from tests.people import Person

REPORTS = "/admin/activitypub/report/"
POSTS = "/admin/activitypub/post/"
ACTORS = "/admin/activitypub/actor/"


@pytest.fixture
def public(alice: LocalActor) -> Post:
    return post(alice, 1, "<p>for everybody</p>")


@pytest.fixture
def private(alice: LocalActor) -> Post:
    row = post(alice, 2, "<p>between us</p>")
    Post.objects.filter(pk=row.pk).update(visibility="private")
    row.refresh_from_db()
    return row


@pytest.fixture
def report(alice: LocalActor, bob: RemoteActor, public: Post, private: Post) -> Report:
    uris = [public.uri, private.uri, "https://near.example/gone"]
    return Report.objects.create(reporter=bob, target=alice, post_uris=uris, comment="rude <i>indeed</i>")


def follow(actor: LocalActor, follower: RemoteActor) -> None:
    Follow.objects.create(follower=follower, followee=actor, state=FollowState.ACCEPTED)


# --- What is not shown ---------------------------------------------------------------------------------


@pytest.mark.parametrize("visibility", ["private", "direct"])
def test_what_is_not_for_everybody_is_on_no_page(desk: Desk, alice: LocalActor, visibility: str) -> None:
    row = post(alice, 1, "<p>between us</p>")
    Post.objects.filter(pk=row.pk).update(visibility=visibility)
    for address in (
        POSTS,
        f"{POSTS}?q={row.uri}",
        f"{POSTS}?q={alice.username}",
        f"{POSTS}?visibility={visibility}",
    ):
        assert "between us" not in text(desk.get(address))
    for address in (f"{POSTS}{row.pk}/", f"{POSTS}{row.pk}/do/remove/"):
        assert desk.get(address).status_code == 404
        assert desk.post(address).status_code == 404
    assert "between us" not in text(desk.get(f"{ACTORS}{alice.pk}/"))
    assert Post.objects.filter(pk=row.pk).exists()


def test_a_reported_post_is_shown_as_long_as_the_report_is_open(desk: Desk, report: Report) -> None:
    page = text(desk.get(f"{REPORTS}{report.pk}/"))
    assert "between us" in page
    assert "rude &lt;i&gt;indeed" in page
    assert "https://near.example/gone" in page
    assert desk.act(f"{REPORTS}{report.pk}/do/resolve/") == "The report is resolved."
    page = text(desk.get(f"{REPORTS}{report.pk}/"))
    assert "for everybody" in page
    assert "between us" not in page
    assert found(operator="ida", event=Event.REPORT_RESOLVED).count() == 1


def test_a_report_opens_no_post_that_it_does_not_name_nor_one_of_somebody_else(
    desk: Desk, report: Report, private: Post, alice: LocalActor, bob: RemoteActor
) -> None:
    other = post(alice, 3, "<p>not reported</p>")
    elses = post(bob, 4, "<p>of somebody else</p>")
    Post.objects.filter(pk__in=[other.pk, elses.pk]).update(visibility="direct")
    report.post_uris.append(elses.uri)
    report.save()
    page = text(desk.get(f"{REPORTS}{report.pk}/"))
    assert "not reported" not in page
    assert "of somebody else" not in page
    for row in (other, elses):
        assert desk.post(f"{REPORTS}{report.pk}/post/{row.pk}/remove/").status_code == 404
    Report.objects.update(resolved_at=report.created_at)
    assert desk.post(f"{REPORTS}{report.pk}/post/{private.pk}/remove/").status_code == 404
    assert Post.objects.count() == 4


def test_no_page_has_a_key_a_password_or_an_address_of_mail(desk: Desk, person: Person) -> None:
    actor = actors.of_username(person.username)
    page = text(desk.get(f"/admin/accounts/account/{person.id}/")) + text(
        desk.get("/admin/accounts/account/")
    )
    page += text(desk.get(f"{ACTORS}{actor.pk}/")) + text(desk.get("/admin/server/"))
    assert person.username in page
    assert "#main-key" in page
    assert person.email not in page
    assert "argon2" not in page
    assert "PRIVATE" not in page


# --- What is done --------------------------------------------------------------------------------------


def test_a_report_leads_to_a_suspension(
    desk: Desk, report: Report, alice: LocalActor, person: Person
) -> None:
    told = desk.act(f"{REPORTS}{report.pk}/target/suspend/")
    assert told == f"Suspended: {alice.uri}."
    alice.refresh_from_db()
    assert alice.suspended_at is not None
    row = rows_of(person.id)[0]
    assert row.event == Event.ACTOR_SUSPENDED
    assert found(operator="ida", event=Event.ACTOR_SUSPENDED).count() == 1
    log = person.handset.call("GET", "me/security-log").expect(200)
    assert "ida" not in str(log.json)
    assert log.json["results"][0]["device"] is None
    assert desk.get(f"{REPORTS}{report.pk}/target/suspend/").status_code == 302
    assert "No longer suspended" in desk.act(f"{REPORTS}{report.pk}/target/unsuspend/")


def test_a_reported_post_of_ours_is_removed_wherever_it_is_known(
    desk: Desk, report: Report, public: Post, alice: LocalActor, bob: RemoteActor
) -> None:
    follow(alice, bob)
    assert desk.act(f"{REPORTS}{report.pk}/post/{public.pk}/remove/") == "The post is removed."
    assert not Post.objects.filter(pk=public.pk).exists()
    assert Deleted.objects.filter(uri=public.uri).exists()
    sent = Sent.objects.get(object_uri=public.uri)
    assert orjson.loads(bytes(sent.body))["type"] == "Delete"
    assert Delivery.objects.get().host == "near.example"
    assert found(operator="ida", event=Event.POST_REMOVED, subject=public.uri).count() == 1
    assert desk.post(f"{REPORTS}{report.pk}/post/{public.pk}/remove/").status_code == 404


def test_a_post_of_somebody_suspended_can_be_removed_too(
    desk: Desk, alice: LocalActor, bob: RemoteActor, public: Post
) -> None:
    follow(alice, bob)
    moderation.suspend(alice)
    desk.act(f"{POSTS}{public.pk}/do/remove/")
    assert not Post.objects.exists()
    assert Delivery.objects.get(activity__type="Delete").host == "near.example"


def test_a_post_of_another_server_is_removed_here_and_nothing_is_sent(desk: Desk, bob: RemoteActor) -> None:
    row = post(bob, 1, "<p>spam</p>")
    assert desk.act(f"{POSTS}{row.pk}/do/remove/") == "The post is removed."
    assert not Post.objects.exists()
    assert Deleted.objects.filter(uri=row.uri).exists()
    assert not Sent.objects.exists()


def test_a_post_of_ours_is_marked_as_sensitive_and_others_are_told(
    desk: Desk, alice: LocalActor, bob: RemoteActor, public: Post
) -> None:
    follow(alice, bob)
    assert desk.act(f"{POSTS}{public.pk}/do/sensitive/") == "The post is marked as sensitive."
    public.refresh_from_db()
    assert public.sensitive
    assert public.edited_at is not None
    assert not Edition.objects.get().sensitive
    update = orjson.loads(bytes(Sent.objects.get().body))
    assert (update["type"], update["object"]["sensitive"]) == ("Update", True)
    assert desk.get(f"{POSTS}{public.pk}/do/sensitive/").status_code == 302
    desk.act(f"{POSTS}{public.pk}/do/harmless/")
    assert Post.objects.filter(pk=public.pk, sensitive=False).count() == 1
    details = [row.details for row in found(operator="ida", event=Event.POST_MARKED)]
    assert details == ['{"sensitive":false}', '{"sensitive":true}']


def test_a_post_of_another_server_is_marked_here_alone(desk: Desk, bob: RemoteActor) -> None:
    row = post(bob, 1, "<p>a picture</p>")
    desk.act(f"{POSTS}{row.pk}/do/sensitive/")
    row.refresh_from_db()
    assert (row.sensitive, row.edited_at) == (True, None)
    assert not Sent.objects.exists()


def test_an_actor_of_a_suspended_host_is_shown_again_with_the_host_alone(
    desk: Desk, bob: RemoteActor
) -> None:
    moderation.decide("near.example", severity="suspend")
    assert "Suspended with its host" in desk.act(f"{ACTORS}{bob.pk}/do/unsuspend/")
    bob.refresh_from_db()
    assert bob.suspended_at is not None


def test_the_servers_own_actor_is_not_to_be_suspended(desk: Desk) -> None:
    from activitypub.services.actors import make_missing

    make_missing()
    own = actors.instance()
    assert "Suspend" not in text(desk.get(f"{ACTORS}{own.pk}/")).split("<h2>")[0]
    assert desk.get(f"{ACTORS}{own.pk}/do/suspend/").status_code == 302
    own.refresh_from_db()
    assert own.suspended_at is None


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("bob@near.example", {"bob"}),
        ("@bob@NEAR.example", {"bob"}),
        ("https://near.example/users/bob", {"bob"}),
        ("@near.example", {"bob", "carol"}),
        ("bob", set()),
        ("carol@far.example", set()),
        ("%", set()),
        ("no body", set()),
    ],
)
def test_people_are_found_by_what_an_index_finds(
    desk: Desk, bob: RemoteActor, typed: str, names: set[str]
) -> None:
    remote("carol", "near.example")
    page = desk.client.get(ACTORS, {"q": typed})
    assert page.status_code == 200
    assert {one.username for one in Actor.objects.all() if f">@{one.username}@" in text(page)} == names


def test_reports_are_found_by_who_is_in_them_and_by_their_state(
    desk: Desk, report: Report, alice: LocalActor, bob: RemoteActor
) -> None:
    address = f"{REPORTS}{report.pk}/"
    for query in ("", "?state=open", "?q=bob@near.example", f"?q={alice.username}"):
        assert address in text(desk.get(REPORTS + query)), query
    for query in ("?state=resolved", "?q=carol@near.example"):
        assert address not in text(desk.get(REPORTS + query)), query


def test_what_the_audit_does_not_take_is_not_done(
    desk: Desk, public: Post, bob: RemoteActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **words: object) -> None:
        raise AuditUnavailable

    desk.get(f"{POSTS}{public.pk}/do/remove/")
    monkeypatch.setattr(reviewing, "record", full)
    monkeypatch.setattr(moderation, "record", full)
    for address in (f"{POSTS}{public.pk}/do/remove/", f"{ACTORS}{bob.pk}/do/suspend/"):
        answer = desk.post(address)
        assert answer.status_code == 302
        assert "Nothing was done: " in text(desk.get("/admin/federation/"))
    assert Post.objects.filter(pk=public.pk).exists()
    assert Actor.objects.filter(pk=bob.pk, suspended_at=None).exists()


def test_of_two_operators_who_remove_a_post_the_second_is_told(
    desk: Desk, public: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"{POSTS}{public.pk}/do/remove/"
    desk.get(address)

    def first_another(post: Post) -> None:
        removed(post)
        removed(post)

    removed = reviewing.remove
    monkeypatch.setattr(reviewing, "remove", first_another)
    assert desk.post(address)["Location"] == POSTS
    assert "Nothing was done: " in text(desk.get(POSTS))
    assert found(event=Event.POST_REMOVED).count() == 1


def test_what_is_attached_and_other_names_are_links_each_on_its_line(desk: Desk, alice: LocalActor) -> None:
    pictures = [
        {"url": "https://media.example/one.png", "description": "a <b>tree</b>"},
        {"url": "https://media.example/<two>.png", "description": None},
    ]
    row = post(alice, 1, "<p>see</p>", attachments=pictures)
    link = '<a href="{0}" rel="noopener noreferrer nofollow">{0}</a>'
    page = text(desk.get(f"{POSTS}{row.pk}/"))
    one = f"{link.format('https://media.example/one.png')}: a &lt;b&gt;tree&lt;/b&gt;"
    assert f"{one}<br>https://media.example/&lt;two&gt;.png" in page
    names = [f"https://old.example/users/{name}" for name in ("ada", "augusta")]
    Actor.objects.filter(pk=alice.pk).update(also_known_as=names)
    assert "<br>".join(link.format(name) for name in names) in text(desk.get(f"{ACTORS}{alice.pk}/"))


def test_the_words_of_two_paragraphs_do_not_run_together(desk: Desk, alice: LocalActor) -> None:
    row = post(alice, 1, "<p>first one<br>second</p><p>third</p>")
    assert "first one<br>second<br>third" in text(desk.get(f"{POSTS}{row.pk}/"))


def test_what_a_poll_lets_choose_is_shown(desk: Desk, alice: LocalActor) -> None:
    options = [{"name": name, "votes": 0} for name in ("tea", "<i>coffee</i>")]
    row = post(alice, 1, "<p>which?</p>", poll={"options": options, "multiple": False})
    assert "tea<br>&lt;i&gt;coffee&lt;/i&gt;" in text(desk.get(f"{POSTS}{row.pk}/"))

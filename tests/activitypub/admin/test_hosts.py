"""One host at the administration: all that is held about it, and what is done with what it is owed."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from activitypub.admin.base import MOST
from activitypub.models import (
    Block,
    Delivery,
    ErrandKind,
    Follow,
    FollowState,
    Host,
    HostBlock,
    LocalActor,
    Mute,
    Received,
    RemoteActor,
    Report,
    Sent,
)
from activitypub.queries.about_host import about
from activitypub.services import errands, moderation, wanting
from audit.events import Event
from audit.queries import found
from tests.activitypub.living import live, post
from tests.activitypub.test_actors import remote
from tests.desk import Desk, text

PAGE = "/admin/federation/host/near.example/"


def owe(actor: LocalActor, number: int = 1, host: str = "near.example", **what: object) -> None:
    for one in range(number):
        sent = Sent.objects.create(
            actor=actor, uri=f"{actor.uri}/objects/{host}-{one}", type="Create", body=b"{}"
        )
        due = timezone.now() + timedelta(hours=1)
        Delivery.objects.create(activity=sent, inbox=f"https://{host}/inbox", host=host, due_at=due, **what)


def test_looking_at_an_act_does_nothing(desk: Desk, alice: LocalActor) -> None:
    owe(alice)
    for act in ("retry", "pause", "clear"):
        assert "Not now" in text(desk.get(f"{PAGE}do/{act}/"))
    assert Delivery.objects.filter(due_at__gt=timezone.now()).count() == 1
    assert not Host.objects.filter(paused=True).exists()
    assert not found(event=Event.DELIVERIES_CHANGED).exists()


@pytest.mark.parametrize("act", ["retry", "pause", "clear"])
def test_a_form_of_another_page_does_nothing(desk: Desk, alice: LocalActor, act: str) -> None:
    owe(alice)
    desk.get(f"{PAGE}do/{act}/")
    for refused in (
        desk.post(f"{PAGE}do/{act}/", origin="https://evil.example"),
        desk.post(f"{PAGE}do/{act}/", token="a" * 64),
    ):
        assert refused.status_code == 403
        assert "This form was not taken" in text(refused)
    assert Delivery.objects.filter(due_at__gt=timezone.now()).count() == 1
    assert not Host.objects.exists()


def test_the_pages_tell_which_errands_wait_and_a_hosts_page_those_about_it(
    desk: Desk, bob: RemoteActor
) -> None:
    due_at = timezone.now() + timedelta(hours=1)
    errands.put(ErrandKind.ACTOR_GONE, actor=bob, due_at=due_at)
    errands.put(ErrandKind.POLL_ENDED, post=post(remote("far", "far.example"), 1, "tea?"), due_at=due_at)
    said = text(desk.get("/admin/federation/"))
    assert "actor_gone" in said
    assert "poll_ended" in said
    said = text(desk.get(PAGE))
    assert "actor_gone" in said
    assert "poll_ended" not in said
    assert "Nothing is to be done." in text(desk.get("/admin/federation/host/third.example/"))


def test_a_host_is_retried(desk: Desk, alice: LocalActor) -> None:
    owe(alice, 2)
    Host.objects.create(name="near.example", failed_days=["2026-11-20"])
    assert desk.act(f"{PAGE}do/retry/") == "2 deliveries to near.example are due now."
    assert Delivery.objects.filter(due_at__lte=timezone.now()).count() == 2
    assert Host.objects.get().failed_days == []
    row = found(operator="ida", event=Event.DELIVERIES_CHANGED, subject="near.example").get()
    assert row.details == '{"deliveries":2,"how":"retried"}'


def test_a_host_is_paused_once_and_resumed_once(desk: Desk) -> None:
    assert "is kept" in desk.act(f"{PAGE}do/pause/")
    assert Host.objects.get().paused
    assert desk.get(f"{PAGE}do/pause/")["Location"] == PAGE
    assert "that is no longer to be done" in text(desk.get(PAGE))
    assert desk.act(f"{PAGE}do/resume/") == "Deliveries to near.example go out again."
    assert not Host.objects.get().paused
    told = [row.details for row in found(operator="ida", event=Event.DELIVERIES_CHANGED)]
    assert told == ['{"how":"resumed"}', '{"how":"paused"}']


def test_what_a_host_is_owed_is_cleared_and_that_of_others_stays(desk: Desk, alice: LocalActor) -> None:
    owe(alice, 3)
    owe(alice, 1, "far.example")
    assert desk.act(f"{PAGE}do/clear/").startswith("3 deliveries to near.example are forgotten")
    assert [delivery.host for delivery in Delivery.objects.all()] == ["far.example"]


def test_the_page_tells_all_that_is_held(desk: Desk, alice: LocalActor, bob: RemoteActor) -> None:
    live(alice, bob)
    owe(alice, 2, attempts=3, last_error="timeout")
    HostBlock.objects.create(actor=alice, host="near.example")
    moderation.decide("example", severity="silence")
    moderation.decide("near.example", reject_media=True, reject_reports=True)
    Host.objects.create(
        name="near.example",
        breakers={
            "https://near.example/inbox": {
                "state": "open",
                "failures": 10,
                "opened_at": "2026-11-20T10:00:00+00:00",
            }
        },
    )
    Received.objects.create(digest=b"1", actor=bob.uri, body=b"", received_at=timezone.now(), outcome="known")
    wanting.want("https://near.example/notes/9", timezone.now())
    page = text(desk.get(PAGE))
    for told in (
        "silenced, without media, without reports",
        "timeout",
        "https://near.example/inbox",
        "known",
        "@bob",
        "2026-11-20 10:00:00",
    ):
        assert told in page
    held = about("near.example", timezone.now())
    assert (held.actors, held.posts, held.following, held.followed, held.asked) == (1, 2, 1, 0, 1)
    assert (held.reports, held.reported, held.blocks, held.blocked, held.mutes, held.host_blocks) == (
        1,
        1,
        1,
        1,
        1,
        1,
    )
    assert (held.likes, held.boosts, held.votes, held.wanted) == (1, 1, 1, 1)
    assert [(row.type, row.error, row.deliveries, row.attempts) for row in held.waiting] == [
        ("Create", "timeout", 2, 3)
    ]


def test_the_list_counts_breakers_that_are_open_and_no_single_failures(desk: Desk) -> None:
    states = {"a": "closed", "b": "open", "c": "probing"}
    breakers = {f"https://near.example/{name}": {"state": states[name], "failures": 9} for name in states}
    Host.objects.create(name="near.example", breakers=breakers)
    assert b'breakers_open">2<' in desk.get("/admin/activitypub/host/").content


def test_what_is_decided_about_a_host_is_named_with_a_link_to_it(desk: Desk) -> None:
    above = moderation.decide("example", severity="silence")
    own = moderation.decide("near.example", reject_media=True)
    page = text(desk.get(PAGE))
    one, other = (f'<a href="/admin/activitypub/hostpolicy/{policy.pk}/">' for policy in (above, own))
    assert f"{one}example</a>: silenced<br>{other}near.example</a>: no media" in page or (
        f"{other}near.example</a>: no media<br>{one}example</a>: silenced" in page
    )


def test_with_an_allow_list_the_page_says_who_was_never_let_in(desk: Desk, settings: Settings) -> None:
    settings.HVX_FEDERATION_ALLOW_LIST = True
    assert "not let in: nothing is exchanged" in text(desk.get(PAGE))
    moderation.decide("near.example", allowed=True)
    assert "under no restriction" in text(desk.get(PAGE))
    moderation.decide("near.example", severity="suspend")
    assert "suspended: nothing is exchanged" in text(desk.get(PAGE))


def test_a_host_that_nobody_knows_has_a_page(desk: Desk) -> None:
    page = text(desk.get("/admin/federation/host/new.example:8443/"))
    assert "under no restriction" in page
    assert not Host.objects.exists()


def test_the_page_names_nobody_here_who_has_blocked_or_follows(
    desk: Desk, alice: LocalActor, bob: RemoteActor
) -> None:
    live(alice, bob)
    assert alice.username not in text(desk.get(PAGE))


def test_the_page_asks_as_often_for_many_rows_as_for_few(alice: LocalActor, bob: RemoteActor) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            about("near.example", timezone.now())
        return len(queries)

    few = asked()
    for number in range(30):
        one = remote(f"one{number}", "near.example")
        Follow.objects.create(follower=one, followee=alice, state=FollowState.ACCEPTED)
        Received.objects.create(digest=bytes([number]), actor=one.uri, body=b"", received_at=timezone.now())
    owe(alice, 5)
    assert asked() == few


def test_whatever_counts_stops_somewhere(bob: RemoteActor) -> None:
    with CaptureQueriesContext(connection) as queries:
        about("near.example", timezone.now())
    counting = [one["sql"] for one in queries if "COUNT" in one["sql"].upper()]
    bounded = [sql for sql in counting if f"LIMIT {MOST}" in sql or "LIMIT 20" in sql]
    # What is owed is counted by an index, and shown to the last one as the command does.
    assert len(counting) - len(bounded) <= 1


def test_a_host_is_looked_up_by_its_name(desk: Desk) -> None:
    assert desk.get("/admin/federation/?host=Near.Example")["Location"] == PAGE
    assert "is no host" in text(desk.get("/admin/federation/?host=no+host"))
    Host.objects.create(name="near.example", paused=True)
    assert "near.example" in text(desk.get("/admin/activitypub/host/?q=Near.example"))
    assert "near.example" not in text(desk.get("/admin/activitypub/host/?q=far.example"))


def test_the_overview_shows_what_waits_and_who_stands_out(
    desk: Desk, alice: LocalActor, bob: RemoteActor
) -> None:
    owe(alice, 2, last_error="name_unknown")
    Host.objects.create(name="slow.example", paused=True)
    Received.objects.create(digest=b"1", actor=bob.uri, body=b"", received_at=timezone.now())
    Report.objects.create(reporter=bob, target=alice)
    Block.objects.create(actor=alice, target=bob)
    Mute.objects.create(actor=alice, target=bob)
    opened = {"state": "open", "failures": 10, "opened_at": "2026-11-20T10:00:00+00:00"}
    breakers = {f"https://once.example/{name}": opened for name in ("inbox", "other")}
    Host.objects.create(name="once.example", failed_days=["2026-11-20"], breakers=breakers)
    page = text(desk.get("/admin/federation/"))
    for told in (
        "2, to 1 host",
        "name_unknown",
        "slow.example",
        "paused",
        "failed on 1 day, 2 breakers open",
        "?state=open",
    ):
        assert told in page
    assert "1 hosts" not in page


def test_what_came_in_is_listed_without_what_it_says_or_to_whom(desk: Desk, bob: RemoteActor) -> None:
    row = Received.objects.create(
        digest=b"1",
        actor=bob.uri,
        recipient="carla",
        body=b'{"content": "between us"}',
        received_at=timezone.now(),
    )
    for page in (
        text(desk.get("/admin/activitypub/received/")),
        text(desk.get(f"/admin/activitypub/received/{row.pk}/")),
    ):
        assert bob.uri in page
        assert "carla" not in page
        assert "between us" not in page


def test_a_name_elsewhere_cannot_write_into_a_page(desk: Desk, alice: LocalActor) -> None:
    evil = remote(
        "eve",
        "near.example",
        display_name="<script>alert(1)</script>",
        summary="<img src=x onerror=alert(1)>",
    )
    said = post(evil, 1, "<p onclick=alert(1)>a <b>bold</b> <script>x</script> word</p>")
    for address in (
        PAGE,
        "/admin/activitypub/actor/",
        f"/admin/activitypub/actor/{evil.pk}/",
        "/admin/activitypub/post/",
        f"/admin/activitypub/post/{said.pk}/",
    ):
        page = text(desk.get(address))
        assert "alert(1)</script>" not in page
        assert "<img src=x" not in page
        assert "onclick" not in page
        assert "<b>bold" not in page

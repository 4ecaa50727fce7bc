"""What moderators decide about hosts and actors, and what then no longer comes."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from pytest_django.fixtures import Settings

from activitypub.models import Actor, HostPolicy, LocalActor, Post, RemoteActor, Severity
from activitypub.queries.hosts import silenced_among, suspended_among, unheard_among
from activitypub.queries.posts import visible_to
from activitypub.services import moderation
from audit.models import AuditRow
from tests.activitypub.inbox.effects import does, everything
from tests.activitypub.living import post
from tests.activitypub.test_actors import remote

LIST = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\n"


def federation(*arguments: str) -> str:
    said = StringIO()
    call_command("federation", *arguments, stdout=said)
    return said.getvalue()


def hidden() -> list[str]:
    found = Actor.objects.filter(suspended_at__isnull=False).order_by("host")
    return list(found.values_list("host", flat=True))


@pytest.fixture
def bob(db: None) -> RemoteActor:
    return remote("bob", "near.example")


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("decide", "https://near.example", "--severity", "suspend"),
        ("decide", "near.example:8443", "--severity", "suspend"),
        ("decide", "near", "--severity", "suspend"),
        ("decide", "here.example", "--severity", "suspend"),
        ("decide", "social.here.example", "--no-allow"),
        ("decide", "near.example"),
        ("decide", "near.example", "--severity", "destroy"),
        ("lift", "near.example"),
        ("suspend", "https://near.example/users/nobody"),
        ("unsuspend", "https://near.example/users/bob"),
    ],
)
def test_what_cannot_be_decided_changes_nothing(
    bob: RemoteActor, settings: Settings, arguments: tuple[str, ...]
) -> None:
    settings.HVX_HOST = "social.here.example:8443"
    before = everything()
    with pytest.raises(CommandError):
        federation(*arguments)
    assert everything() == before


@pytest.mark.parametrize("body", [b"#domain\nnear.example\nno host\n", b"\xff", None])
def test_of_a_list_that_cannot_be_read_nothing_is_taken(
    bob: RemoteActor, tmp_path: Path, body: bytes | None
) -> None:
    path = tmp_path / "list.csv"
    if body is not None:
        path.write_bytes(body)
    with pytest.raises(CommandError):
        federation("import-blocklist", str(path))
    assert not HostPolicy.objects.exists()
    assert hidden() == []


def test_a_decision_that_cannot_be_audited_is_none(bob: RemoteActor, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **how: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(moderation, "record", fail)
    with pytest.raises(DatabaseError):
        moderation.decide("near.example", severity=Severity.SUSPEND)
    assert not HostPolicy.objects.exists()
    assert hidden() == []


@pytest.mark.parametrize("host", ["near.example", "example"])
def test_of_a_suspended_host_nothing_has_an_effect(bob: RemoteActor, alice: LocalActor, host: str) -> None:
    HostPolicy.objects.create(host=host, severity=Severity.SUSPEND)
    before = everything()
    assert does(bob, "Follow", object=alice.uri) == "host_suspended"
    assert everything() == before


def test_of_a_suspended_actor_nothing_has_an_effect(bob: RemoteActor, alice: LocalActor) -> None:
    federation("suspend", bob.uri)
    before = everything()
    assert does(bob, "Follow", object=alice.uri) == "actor_suspended"
    assert everything() == before


def test_with_an_allow_list_only_who_is_let_in_has_an_effect(
    bob: RemoteActor, alice: LocalActor, settings: Settings
) -> None:
    settings.HVX_FEDERATION_ALLOW_LIST = True
    assert does(bob, "Follow", object=alice.uri) == "host_suspended"
    federation("decide", "near.example", "--allow")
    assert does(bob, "Follow", object=alice.uri) == "done"
    assert suspended_among({"near.example", "sub.near.example:8443", "far.example", ""}) == {"far.example"}
    federation("decide", "near.example", "--severity", "suspend")
    assert suspended_among({"near.example"}) == {"near.example"}


# --- Hosts -------------------------------------------------------------------------------------------


def test_a_decision_holds_for_subdomains_and_every_port_and_no_other_name(db: None) -> None:
    federation("decide", "near.example", "--severity", "silence", "--reject-reports")
    within = {"near.example", "near.example:8443", "a.near.example", "b.a.near.example:1"}
    others = {"notnear.example", "near.example.org", "example", "far.example", ""}
    assert silenced_among(within | others) == within
    assert unheard_among(within | others) == within
    assert suspended_among(within | others) == set()


def test_who_is_on_a_suspended_host_is_hidden_until_it_is_lifted(bob: RemoteActor) -> None:
    remote("eve", "sub.near.example:8443")
    remote("far", "notnear.example")
    theirs = post(bob, 1, "hello")
    federation("decide", "near.example", "--severity", "suspend")
    assert hidden() == ["near.example", "sub.near.example:8443"]
    assert not visible_to(None).filter(pk=theirs.pk).exists()
    assert Post.objects.filter(pk=theirs.pk).exists()
    federation("lift", "near.example")
    assert hidden() == []
    assert visible_to(None).filter(pk=theirs.pk).exists()


def test_what_ends_shows_nobody_whom_something_else_hides(bob: RemoteActor) -> None:
    eve = remote("eve", "sub.near.example")
    federation("suspend", bob.uri)
    federation("decide", "near.example", "--severity", "suspend")
    federation("decide", "sub.near.example", "--severity", "suspend")
    federation("decide", "near.example", "--severity", "silence")
    assert hidden() == ["near.example", "sub.near.example"]
    with pytest.raises(CommandError, match="by itself"):
        federation("unsuspend", eve.uri)
    federation("unsuspend", bob.uri)
    federation("lift", "sub.near.example")
    assert hidden() == []


def test_who_is_suspended_alone_and_with_the_host_is_shown_when_neither_holds(bob: RemoteActor) -> None:
    federation("suspend", bob.uri)
    federation("decide", "near.example", "--severity", "suspend")
    federation("unsuspend", bob.uri)
    assert hidden() == ["near.example"]
    federation("suspend", bob.uri)
    federation("lift", "near.example")
    assert hidden() == ["near.example"]
    federation("unsuspend", bob.uri)
    assert hidden() == []


def test_what_is_not_named_stays_as_it_was(db: None) -> None:
    federation("decide", "near.example", "--reject-media", "--public-comment", "heavy")
    assert HostPolicy.objects.get().severity == "noop"
    said = federation("decide", "near.example", "--severity", "silence")
    assert said.strip() == "near.example: silenced, no media"
    assert federation("decided") == said
    assert HostPolicy.objects.get().public_comment == "heavy"
    assert "no media" not in federation("decide", "near.example", "--no-reject-media")


def test_every_decision_is_in_the_audit(bob: RemoteActor, alice: LocalActor, tmp_path: Path) -> None:
    federation("decide", "far.example", "--severity", "suspend")
    federation("lift", "far.example")
    federation("suspend", alice.uri)
    federation("unsuspend", alice.uri)
    path = tmp_path / "list.csv"
    path.write_text("far.example\n")
    federation("import-blocklist", str(path))
    told = [
        "host_policy_set",
        "host_policy_lifted",
        "actor_suspended",
        "actor_unsuspended",
        "blocklist_imported",
    ]
    for event in told:
        assert AuditRow.objects.filter(event=event).count() == 1


# --- Lists -------------------------------------------------------------------------------------------


def test_a_list_decides_where_nothing_was_decided(bob: RemoteActor, tmp_path: Path) -> None:
    federation("decide", "mild.example", "--severity", "silence")
    path = tmp_path / "list.csv"
    path.write_text(
        LIST + "mild.example,suspend,,,,\nNear.example,suspend,true,true,spam,false\nx*.example,,,,,"
    )
    said = federation("import-blocklist", str(path))
    assert said.startswith("1 of 2 hosts are decided now")
    assert "1 lines hide" in said
    assert HostPolicy.objects.get(host="mild.example").severity == "silence"
    assert hidden() == ["near.example"]


def test_what_is_exported_is_imported_the_same(db: None, tmp_path: Path) -> None:
    federation("decide", "a.example", "--severity", "suspend", "--public-comment", 'spam, "much"')
    federation("decide", "b.example", "--reject-media", "--obfuscate")
    federation("decide", "friend.example", "--allow")
    exported = federation("export-blocklist")
    assert exported == (
        LIST + 'a.example,suspend,false,false,"spam, ""much""",false\nb.example,noop,true,false,,true\n'
    )
    HostPolicy.objects.all().delete()
    path = tmp_path / "list.csv"
    path.write_text(exported)
    federation("import-blocklist", str(path))
    assert federation("export-blocklist") == exported

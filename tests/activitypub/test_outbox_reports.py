"""What people report, to this server's moderators and to those of another."""

import json

import pytest
from django.core.management import CommandError
from pytest_django.fixtures import Settings

from activitypub.models import Delivery, HostPolicy, Report, Sent, Severity, Visibility
from activitypub.queries import actors
from activitypub.rendering import PUBLIC
from activitypub.services import actors as actors_service
from activitypub.services import reports
from audit.models import AuditRow
from tests.activitypub.reading import get
from tests.activitypub.test_actors import actor_of, remote, uri_of
from tests.activitypub.test_moderation import federation
from tests.activitypub.test_outbox import made, note, post_of, submit
from tests.people import Person


@pytest.fixture(autouse=True)
def started(person: Person) -> None:
    """The server's own actor, which a start makes."""
    actors_service.make_missing()


# --- Refused -----------------------------------------------------------------------------------------


def test_nobody_reports_themselves_or_the_server(person: Person) -> None:
    for uri in (uri_of(person), actors.instance().uri):
        refusal = submit(person, {"type": "Flag", "object": uri}).refusal
        assert refusal in ((422, "report_impossible"), (404, "unknown_actor"))
    assert not Report.objects.exists()


def test_a_report_is_of_one_person(person: Person) -> None:
    bob, eve = remote(), remote("eve", "other.example")
    for named in ([bob.uri, eve.uri], [bob.uri, post_of(eve).uri], [post_of(bob).uri, post_of(eve).uri]):
        answer = submit(person, {"type": "Flag", "object": named})
        assert answer.refusal == (422, "activity_refused")
        assert answer.json["detail"].endswith(": several_are_reported")
    assert not Report.objects.exists()


def test_what_the_reporter_may_not_see_is_not_found_out_by_a_report(person: Person) -> None:
    hidden = post_of(remote(), Visibility.PRIVATE)
    assert submit(person, {"type": "Flag", "object": hidden.uri}).refusal == (404, "unknown_actor")
    assert not Report.objects.exists()


def test_a_comment_has_an_end(person: Person) -> None:
    body = {"type": "Flag", "object": remote().uri, "content": "x" * (reports.MAX_COMMENT + 1)}
    answer = submit(person, body)
    assert answer.refusal == (422, "invalid_fields")
    assert list(answer.json["errors"]) == ["content"]
    assert not Report.objects.exists()


def test_nobody_reports_without_end(person: Person) -> None:
    body = {"type": "Flag", "object": remote().uri}
    for _ in range(30):
        submit(person, body).expect(201)
    answer = submit(person, body)
    assert answer.refusal == (429, "rate_limited")
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    assert Report.objects.count() == 30


def test_a_report_that_is_addressed_to_somebody_else_stays_here(person: Person) -> None:
    bob, eve = remote(), remote("eve", "other.example")
    made(person, {"type": "Flag", "object": bob.uri, "to": [eve.uri, PUBLIC], "content": "rude"})
    assert not Sent.objects.exists()
    assert Report.objects.get().forwarded is False


# --- Kept and told -----------------------------------------------------------------------------------


def test_a_report_is_for_the_moderators_here_and_told_to_nobody(person: Person, other: Person) -> None:
    uri = made(other, note())["object"]["id"]
    sent = Sent.objects.count()
    flag = made(person, {"type": "Flag", "object": [uri_of(other), uri], "content": "<p>rude &amp; loud</p>"})
    report = Report.objects.get()
    assert (report.reporter, report.target) == (actor_of(person), actor_of(other))
    assert (report.post_uris, report.comment, report.forwarded) == ([uri], "rude & loud", False)
    assert flag["object"] == [uri_of(other), uri]
    assert Sent.objects.count() == sent
    # It is nobody's to read.
    for reader in (person, other):
        answer = reader.handset.call("GET", flag["id"].removeprefix(person.wire.origin))
        assert answer.refusal == (404, "unknown_post")


def test_posts_alone_say_who_is_reported_and_plain_text_stays_as_it_is(person: Person) -> None:
    bob = remote()
    posts = [post_of(bob).uri, post_of(bob).uri]
    made(person, {"type": "Flag", "object": posts, "content": "a <b> c", "mediaType": "text/plain"})
    report = Report.objects.get()
    assert (report.target_id, report.post_uris, report.comment) == (bob.pk, posts, "a <b> c")


@pytest.mark.parametrize("proofs", [False, True])
def test_what_is_told_to_the_other_server_does_not_name_who_reports(
    person: Person, settings: Settings, proofs: bool
) -> None:
    settings.HVX_FEDERATION_PROOFS = proofs
    bob = remote()
    post = post_of(bob)
    flag = made(person, {"type": "Flag", "object": [bob.uri, post.uri], "to": bob.uri, "content": "rude"})
    sent = Sent.objects.get()
    body = json.loads(bytes(sent.body))
    proof = body.pop("proof", None)
    assert (proof is not None) is proofs
    assert body == {
        "@context": body["@context"],
        "id": sent.uri,
        "type": "Flag",
        "actor": actors.instance().uri,
        "content": "rude",
        "object": [bob.uri, post.uri],
    }
    text = bytes(sent.body).decode()
    assert person.username not in text
    assert flag["id"] not in text
    assert sent.actor_id == actors.instance().pk
    assert Delivery.objects.get().inbox == bob.inbox
    assert Report.objects.get().forwarded is True
    assert get(person.wire, sent.uri).status == 404


def test_a_suspended_host_is_told_nothing(person: Person) -> None:
    bob = remote()
    HostPolicy.objects.create(host=bob.host, severity=Severity.SUSPEND)
    made(person, {"type": "Flag", "object": bob.uri, "to": bob.uri})
    assert Report.objects.count() == 1
    assert not Delivery.objects.exists()


def test_an_erasure_does_not_tell_who_has_reported(person: Person) -> None:
    bob = remote()
    made(person, {"type": "Flag", "object": bob.uri, "to": bob.uri})
    Delivery.objects.all().delete()
    person.handset.call("DELETE", "me", {"password": person.password}).expect(204)
    assert not Delivery.objects.exists()


# --- Resolved ----------------------------------------------------------------------------------------


def test_a_report_is_resolved_once_and_that_is_in_the_audit(person: Person) -> None:
    made(person, {"type": "Flag", "object": remote().uri})
    report = Report.objects.get()
    assert [reports.resolve(report), reports.resolve(report)] == [True, False]
    report.refresh_from_db()
    assert report.resolved_at is not None
    assert AuditRow.objects.filter(event="report_resolved").count() == 1


def test_an_operator_lists_what_is_open_and_resolves_it_once(person: Person) -> None:
    bob = remote()
    post = post_of(bob)
    body = {"type": "Flag", "object": [bob.uri, post.uri], "to": bob.uri, "mediaType": "text/plain"}
    made(person, body | {"content": "rude \x1b[31m\nand loud"})
    number = Report.objects.get().pk
    with pytest.raises(CommandError, match="there is no open report 7"):
        federation("resolve", "7")
    listed = federation("reports")
    for told in (
        str(number),
        bob.uri,
        post.uri,
        uri_of(person),
        "told to their server",
        "rude  [31m and loud",
    ):
        assert told in listed
    assert "\x1b" not in listed
    assert "is resolved" in federation("resolve", str(number))
    assert federation("reports") == ""
    with pytest.raises(CommandError, match="there is no open report"):
        federation("resolve", str(number))

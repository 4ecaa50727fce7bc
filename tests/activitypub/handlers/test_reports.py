"""Other servers report people of this one to its moderators."""

from typing import Any

import pytest

from activitypub.models import HostPolicy, LocalActor, Post, RemoteActor, Report, Severity
from activitypub.services import reports
from tests.activitypub.inbox.effects import does, everything, neighbour
from tests.activitypub.living import post
from tests.activitypub.test_actors import actor_of
from tests.people import Person


def test_a_report_of_others_is_not_for_this_server(bob: RemoteActor, alice: LocalActor) -> None:
    eve = neighbour("eve")
    hers = post(eve, 1, "hers")
    before = everything()
    for named in (eve.uri, [eve.uri, hers.uri], f"{alice.uri}/objects/404", f"{alice.uri}x"):
        assert does(bob, "Flag", object=named, content="look") == "nobody_reported"
    assert everything() == before


def test_of_a_host_whose_reports_are_not_wanted_none_is_kept(bob: RemoteActor, alice: LocalActor) -> None:
    HostPolicy.objects.create(host="example", severity=Severity.NONE, reject_reports=True)
    before = everything()
    assert does(bob, "Flag", object=alice.uri) == "reports_rejected"
    assert everything() == before


def test_nobody_reports_without_end(
    bob: RemoteActor, alice: LocalActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MOST_OPEN", 2)
    outcomes = [does(bob, "Flag", object=alice.uri) for _ in range(3)]
    assert outcomes == ["done", "done", "known"]
    assert Report.objects.count() == 2


def test_a_report_names_a_person_and_their_posts_of_this_server_alone(
    bob: RemoteActor, person: Person, alice: LocalActor, own: Post
) -> None:
    other = Person(person.wire)
    other.register().expect(201)
    anothers = post(actor_of(other), 1, "not meant")
    foreign = post(bob, 1, "from elsewhere")
    named = [own.uri, foreign.uri, anothers.uri, alice.uri]
    assert does(bob, "Flag", object=named, content="<he> is <b>rude</b> & loud") == "done"
    report = Report.objects.get()
    assert (report.reporter_id, report.target_id) == (bob.pk, alice.pk)
    assert report.post_uris == [own.uri]
    assert report.comment == "<he> is <b>rude</b> & loud"
    assert report.resolved_at is None


def test_a_report_of_a_post_alone_is_of_its_author(bob: RemoteActor, own: Post) -> None:
    assert does(bob, "Flag", object=[own.uri]) == "done"
    assert Report.objects.get().target_id == own.author_id


@pytest.mark.parametrize(
    ("said", "comment"),
    [
        ({"summary": "rude"}, "rude"),
        ({"content": "rude", "summary": "a report"}, "rude"),
        ({"content": "", "summary": ["rude"]}, "rude"),
        ({"summary": {"en": "rude"}}, ""),
        ({}, ""),
    ],
)
def test_what_is_said_of_it_is_read_where_mastodon_or_lemmy_has_it(
    bob: RemoteActor, own: Post, said: dict[str, Any], comment: str
) -> None:
    assert does(bob, "Flag", object=own.uri, **said) == "done"
    assert Report.objects.get().comment == comment


def test_a_report_may_carry_the_posts_whole(bob: RemoteActor, alice: LocalActor, own: Post) -> None:
    """As Pleroma and Akkoma send it; what it claims of them is not believed."""
    forged = {"type": "Note", "id": own.uri, "content": "what was never said", "actor": {"id": bob.uri}}
    assert does(bob, "Flag", object=[alice.uri, forged], content="look") == "done"
    report = Report.objects.get()
    assert (report.target_id, report.post_uris) == (alice.pk, [own.uri])
    own.refresh_from_db()
    assert own.content == "a quiet morning"

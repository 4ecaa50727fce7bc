"""What is said of quotes costs the same however much is stored."""

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activitypub.models import Post, RemoteActor
from tests.activitypub.inbox.effects import does
from tests.activitypub.plans import scans
from tests.activitypub.quotes.leave import quotes, quoting, says_yes, stamp_of
from tests.people import Person


@pytest.mark.skipif(settings.CLUSTER, reason="PostgreSQL plans by how many rows there are: here few")
def test_nothing_is_found_by_going_through_a_whole_table(
    person: Person, bob: RemoteActor, theirs: Post
) -> None:
    with CaptureQueriesContext(connection) as captured:
        row = quotes(person, theirs)
        stamp = stamp_of(theirs, row)
        assert does(bob, "Create", object=quoting(bob, row)) == "done"
        assert does(bob, "QuoteRequest", object=row.uri, instrument=f"{bob.uri}/objects/5") == "done"
        assert says_yes(bob, row, stamp) == "done"
        assert does(bob, "Delete", object=stamp["id"]) == "done"
    asked = [query["sql"] for query in captured.captured_queries]
    through = [step for _, step in scans(asked) if "activitypub_post " in step or "quoterequest" in step]
    assert not through

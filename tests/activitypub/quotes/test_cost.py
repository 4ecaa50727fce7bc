"""What is said of quotes costs the same however much is stored."""

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activitypub.models import Post, RemoteActor
from tests.activitypub.inbox.effects import does
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
    for query in captured.captured_queries:
        if query["sql"].startswith(("SELECT", "UPDATE", "DELETE")):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
                plan = [step[3] for step in cursor.fetchall()]
            quoted = [step for step in plan if "activitypub_post " in step or "quoterequest" in step]
            assert not [step for step in quoted if step.startswith("SCAN")], query["sql"]

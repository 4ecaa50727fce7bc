"""By which key an actor signs what is delivered."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from activitypub.delivery.keys import Keys
from activitypub.models import ActorKey, Delivery, KeyKind
from activitypub.queries.actors import instance
from activitypub.services import sending
from activitypub.services.actors import make_missing
from activitypub.services.claims import Claims
from activitypub.services.keys import rotate_keys
from tests.activitypub.test_actors import actor_of, remote
from tests.people import Person


def test_a_new_key_signs_from_the_moment_of_the_rotation(person: Person) -> None:
    actor, keys = actor_of(person), Keys()
    first = keys.of(actor.pk)
    made = rotate_keys(actor)
    second = keys.of(actor.pk)
    assert first is not None
    assert second is not None
    assert (first.key_id, second.key_id) == (f"{actor.uri}#main-key", made[0].key_id)
    assert first.key is not second.key


def test_a_key_is_opened_once(person: Person) -> None:
    actor, keys = actor_of(person), Keys()
    opened = keys.of(actor.pk)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert keys.of(actor.pk) is opened
    assert len(asked) == 1
    assert '"private"' not in asked[0]["sql"]


def test_who_has_no_key_any_more_signs_nothing(person: Person) -> None:
    actor, keys = actor_of(person), Keys()
    assert keys.of(actor.pk) is not None
    ActorKey.objects.filter(actor=actor).delete()
    assert keys.of(actor.pk) is None


def test_a_key_that_does_not_open_stops_nobody_else(person: Person, caplog: pytest.LogCaptureFixture) -> None:
    make_missing()
    actor, other = actor_of(person), instance()
    reader = remote("bob")
    for sender in (actor, other):
        sending.send(sender, {"id": sending.new_activity_uri(sender), "type": "Create"}, to=[reader])
    damaged = ActorKey.objects.filter(actor=actor, kind=KeyKind.RSA)
    table = connection.ops.quote_name(ActorKey._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET private = (SELECT private FROM {table} WHERE actor_id = %s AND kind = %s)"  # noqa: S608
            " WHERE actor_id = %s AND kind = %s",
            [other.pk, KeyKind.RSA, actor.pk, KeyKind.RSA],
        )
    assert damaged.count() == 1
    claimed = Claims().take(10, timezone.now(), room=lambda host: 10)
    assert [job.activity.actor_id for job in claimed.jobs] == [other.pk]
    # It waits, and is claimed again once its claim has run out.
    assert Delivery.objects.filter(activity__actor=actor, attempts=0).exists()
    assert "an actor's key does not open" in caplog.text

"""By which key an actor signs what is delivered."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from activitypub.delivery.keys import Keys
from activitypub.models import ActorKey
from activitypub.services.keys import rotate_keys
from tests.activitypub.test_actors import actor_of
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

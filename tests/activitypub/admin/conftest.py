"""Somebody at the administration, with people to look at."""

import pytest

from activitypub.models import LocalActor, RemoteActor
from tests.activitypub.test_actors import actor_of, remote
from tests.desk import Desk
from tests.people import Person


@pytest.fixture
def desk(db: None) -> Desk:
    """An operator who has signed in."""
    one = Desk().hire()
    assert one.sign_in().status_code == 302
    return one


@pytest.fixture
def alice(person: Person) -> LocalActor:
    return actor_of(person)


@pytest.fixture
def bob(db: None) -> RemoteActor:
    return remote("bob", "near.example")

"""Somebody here, another, and their neighbours of other servers."""

import pytest

from activitypub.models import LocalActor, RemoteActor
from tests.activitypub.inbox.effects import neighbour
from tests.activitypub.test_actors import actor_of
from tests.people import Person


@pytest.fixture
def alice(person: Person) -> LocalActor:
    return actor_of(person)


@pytest.fixture
def other(person: Person) -> Person:
    somebody = Person(person.wire)
    somebody.register().expect(201)
    return somebody


@pytest.fixture
def bob(db: None) -> RemoteActor:
    return neighbour("bob")


@pytest.fixture
def carol(db: None) -> RemoteActor:
    return neighbour("carol", "far.example")

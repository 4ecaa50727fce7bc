"""What somebody here has written, and more people of other servers."""

import pytest

from activitypub.models import LocalActor, Post, RemoteActor
from tests.activitypub.inbox.effects import neighbour
from tests.activitypub.living import post


@pytest.fixture
def own(alice: LocalActor) -> Post:
    return post(alice, 1, "a quiet morning")


@pytest.fixture
def eve(db: None) -> RemoteActor:
    return neighbour("eve")


@pytest.fixture
def mallory(db: None) -> RemoteActor:
    return neighbour("mallory", "far.example")

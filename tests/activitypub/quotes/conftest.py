"""A person here, another, and somebody of another server who has written something."""

import pytest

from activitypub.models import (
    Post,
    RemoteActor,
)
from tests.activitypub.living import post


@pytest.fixture
def theirs(bob: RemoteActor) -> Post:
    return post(bob, 1, "a loud evening")

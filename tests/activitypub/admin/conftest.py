"""Somebody at the administration, with people to look at."""

import pytest

from activitypub.models import RemoteActor
from tests.activitypub.test_actors import remote
from tests.desk import Desk


@pytest.fixture
def desk(db: None) -> Desk:
    """An operator who has signed in."""
    one = Desk().hire()
    assert one.sign_in().status_code == 302
    return one


@pytest.fixture
def bob(db: None) -> RemoteActor:
    return remote("bob", "near.example")

"""Somebody at the administration."""

import pytest

from tests.desk import Desk


@pytest.fixture
def stranger(db: None) -> Desk:
    return Desk()


@pytest.fixture
def desk(db: None) -> Desk:
    """An operator who has signed in."""
    one = Desk().hire()
    assert one.sign_in().status_code == 302
    return one

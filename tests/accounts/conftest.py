"""What tests of accounts start from."""

import pytest

from tests.accounts.passkeys import add
from tests.people import Person
from tests.webauthn import Authenticator


@pytest.fixture
def authenticator(person: Person) -> Authenticator:
    """Holds a passkey of the person's."""
    made = Authenticator()
    add(person.handset, made).expect(201)
    return made

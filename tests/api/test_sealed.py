"""While the vault gives nothing out, a call answers 503 `sealed` or does without; none fails otherwise."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from devices import nonces, token_keys
from tests.api.operations import Operation, call, operations
from tests.people import Person
from vault import keyring, keys


@pytest.fixture
def sealed(person: Person, settings: Settings, tmp_path: Path) -> Iterator[None]:
    """The root key's file is gone, and this process holds no key of the vault any more."""

    def forget() -> None:
        keys.forget()
        keyring.forget()
        token_keys.forget()
        nonces._keys.clear()

    person.handset.call("GET", "instance")
    settings.HVX_ROOT_KEY_FILE = tmp_path / "gone"
    forget()
    yield
    forget()


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)
def test_a_call_answers_sealed_or_does_without_the_vault(
    person: Person, sealed: None, operation: Operation
) -> None:
    body = {"login": "nobody"} if operation.name == "password_reset" else operation.body
    answer = call(person.handset, operation, body if operation.takes_body else None)
    if operation.proof or operation.token or operation.name in ("password_reset", "sessions_access_key"):
        assert answer.refusal == (503, "sealed")
    else:
        assert answer.status in (200, 404)


def test_what_needs_no_secret_answers_as_ever(person: Person, sealed: None) -> None:
    for path in ("instance", f"accounts/{person.username}", f"accounts/{person.username}/devices"):
        person.handset.call("GET", path).expect(200)
    person.wire.request("GET", "/healthz", headers={}, body=None).expect(200)

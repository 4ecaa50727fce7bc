"""While the vault gives nothing out, a call answers 503 `sealed` or does without; none fails otherwise."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


BY_SECRET = {"password_reset", "sessions_access_key"}
# A bearer token is checked by a public key, and these open nothing and change nothing as they are
# called here. All else under a token or a proof needs a key of the vault.
WITHOUT_THE_VAULT = {
    "devices_list", "devices_get", "access_keys_list", "access_keys_end", "passkeys_list",
    "passkeys_remove", "me_secret_get", "me_secret_put",
}  # fmt: skip


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)
def test_a_call_answers_sealed_or_does_without_the_vault(
    person: Person, sealed: None, operation: Operation
) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "password_reset": {"login": "nobody"},
        "access_keys_make": {"name": "a bot", "scopes": ["files:read"], "password": person.password},
        "passkeys_add": {"password": person.password},
    }
    body = bodies.get(operation.name, operation.body)
    answer = call(person.handset, operation, body if operation.takes_body else None)
    needs_it = operation.proof or operation.token or operation.name in BY_SECRET
    if needs_it and operation.name not in WITHOUT_THE_VAULT:
        assert answer.refusal == (503, "sealed")
    else:
        assert answer.status in (200, 404, 422), answer


def test_what_needs_no_secret_answers_as_ever(person: Person, sealed: None) -> None:
    for path in ("instance", f"accounts/{person.username}", f"accounts/{person.username}/devices"):
        person.handset.call("GET", path).expect(200)
    person.wire.request("GET", "/healthz", headers={}, body=None).expect(200)

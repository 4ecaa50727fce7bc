"""Checking a token touches the vault not at all: with a vault that fails at every touch, it still answers."""

from typing import Any, NoReturn

import pytest

from devices import state, token_keys, tokens
from tests.people import Person
from vault import keyring, keys, sealing
from vault.blind_index import BlindIndexField
from vault.envelope import EnvelopeKey
from vault.fields import SealedField
from vault.rootkey import RootKey

ENTRIES: list[tuple[Any, str]] = [
    (keys, "root"), (keys, "derive"), (keys, "opened"), (keys, "database_key"),
    (keyring, "active"), (keyring, "named_by"), (keyring, "load"), (keyring, "unwrap"),
    (sealing, "seal_bytes"), (sealing, "open_bytes"),
    (SealedField, "seal"), (SealedField, "open"), (SealedField.descriptor_class, "__get__"),
    (BlindIndexField, "index"),
    (EnvelopeKey, "seal"), (EnvelopeKey, "open"), (EnvelopeKey, "open_into"),
    (RootKey, "derive"), (RootKey, "envelope_key"),
]  # fmt: skip


class Shut:
    """Every way into the vault raises, and each try is counted, so that a swallowed one is seen too."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.touches = 0
        for owner, name in ENTRIES:
            patch.setattr(owner, name, self._touched)

    def _touched(self, *arguments: object, **options: object) -> NoReturn:
        self.touches += 1
        raise AssertionError("the vault was touched")


def forget_what_is_kept() -> None:
    """As a worker that has been idle for a while: signatures, keys and standings are looked up anew."""
    tokens._checked.clear()
    token_keys.forget()
    state.forget_all()


def test_the_ways_in_are_shut_in_these_tests(person: Person) -> None:
    with pytest.MonkeyPatch.context() as patch:
        shut = Shut(patch)
        # It tells the e-mail address, which is sealed.
        person.handset.call("GET", "me").expect(500)
    assert shut.touches


@pytest.mark.parametrize("token_type", ["Bearer", "DPoP"])
def test_a_request_is_authenticated_with_the_vault_out_of_reach(person: Person, token_type: str) -> None:
    handset = person.handset
    if token_type == "DPoP":
        handset.remember(handset.refresh(token_type="DPoP").expect(200))
    assert handset.token_type == token_type
    handset.call("GET", "devices").expect(200)  # the worker is warm: it has its nonces
    forget_what_is_kept()
    with pytest.MonkeyPatch.context() as patch:
        shut = Shut(patch)
        assert handset.hash in handset.call("GET", "devices").expect(200).body.decode()
    assert not shut.touches

"""Passphrase, keyring and credential: what each takes, and each refusal in a sentence."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring as system
import pytest
from argon2.low_level import Type, hash_secret_raw
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked, PasswordDeleteError

from vault.errors import ProtectorUnusable, Sealed
from vault.protectors import credential, keyring, passphrase

PASSPHRASE = "a passphrase of several words"


# --- passphrase


def test_a_passphrase_gives_the_argon2id_that_another_implementation_gives() -> None:
    parameters, key = passphrase.protect(PASSPHRASE)
    assert {name: parameters[name] for name in ("memory", "iterations", "lanes")} == {
        "memory": 262144,
        "iterations": 4,
        "lanes": 4,
    }
    expected = hash_secret_raw(
        PASSPHRASE.encode(), bytes.fromhex(str(parameters["salt"])), 4, 262144, 4, 32, Type.ID
    )
    assert bytes(key.view) == expected


def test_a_passphrase_typed_on_another_keyboard_is_the_same() -> None:
    parameters, key = passphrase.protect("caf\u00e9 at the harbour")
    assert bytes(passphrase.kek(parameters, "cafe\u0301 at the harbour").view) == bytes(key.view)
    assert bytes(passphrase.kek(parameters, "cafe at the harbour").view) != bytes(key.view)


@pytest.mark.parametrize("short", ["", "a", "eleven char"])
def test_a_short_passphrase_is_refused(short: str) -> None:
    with pytest.raises(ValueError, match="at least 12 characters"):
        passphrase.protect(short)


GOOD: dict[str, int | str] = {"salt": "00" * 16, "memory": 262144, "iterations": 4, "lanes": 4}


@pytest.mark.parametrize(
    "change",
    [
        {"memory": 262143},
        {"memory": 8},
        {"memory": 0},
        {"memory": -262144},
        {"memory": 1024 * 1024 + 1},
        {"memory": 2**40},
        {"memory": "262144"},
        {"memory": True},
        {"iterations": 2},
        {"iterations": 17},
        {"iterations": 2**31},
        {"lanes": 0},
        {"lanes": 9},
        {"salt": ""},
        {"salt": "00" * 15},
        {"salt": "00" * 1000},
        {"salt": "zz" * 16},
        {"salt": 5},
        {"secret": "00"},
    ],
)
def test_a_file_that_asks_for_too_cheap_or_too_dear_a_stretching_is_refused_before_it_starts(
    change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*arguments: object, **named: object) -> None:
        raise AssertionError("it was started")

    monkeypatch.setattr(passphrase, "Argon2id", started)
    with pytest.raises(ProtectorUnusable):
        passphrase.kek({**GOOD, **change}, PASSPHRASE)


# --- the system's keyring


class Memory(KeyringBackend):
    """A keyring that is open and keeps what it is given."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring's own bases have no types
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("no such entry")


class Locked(Memory):
    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("secret words of a backend")


class Forgetful(Memory):
    def get_password(self, service: str, username: str) -> str | None:
        return None


@pytest.fixture
def memory() -> Iterator[Memory]:
    former = system.get_keyring()
    system.set_keyring(kept := Memory())
    yield kept
    system.set_keyring(former)


def test_the_keyring_gives_back_its_key(memory: Memory) -> None:
    parameters, key = keyring.protect()
    assert bytes(keyring.kek(parameters).view) == bytes(key.view)
    assert len(memory.kept) == 1


def test_a_discarded_entry_opens_nothing_and_may_be_discarded_twice(memory: Memory) -> None:
    parameters, _ = keyring.protect()
    keyring.discard(parameters)
    keyring.discard(parameters)
    with pytest.raises(ProtectorUnusable, match="no key for this vault"):
        keyring.kek(parameters)


@pytest.mark.parametrize(
    ("backend", "sentence"),
    [
        (NoKeyring, "no keyring that Python can reach"),
        (Locked, "the system's keyring is locked"),
        (Forgetful, "no key for this vault"),
    ],
)
def test_a_keyring_that_is_not_there_or_keeps_nothing_is_told_in_a_sentence(
    memory: Memory, backend: type[KeyringBackend], sentence: str
) -> None:
    system.set_keyring(backend())
    with pytest.raises(ProtectorUnusable, match=sentence) as refusal:
        keyring.protect()
    assert "secret words" not in str(refusal.value)
    with pytest.raises(ProtectorUnusable, match=sentence):
        keyring.kek({"entry": "some"})


@pytest.mark.parametrize("kept", ["", "AAAA", "not base64!", "A" * 4000])
def test_something_else_under_the_entry_is_no_key(memory: Memory, kept: str) -> None:
    parameters, _ = keyring.protect()
    memory.kept = dict.fromkeys(memory.kept, kept)
    with pytest.raises(ProtectorUnusable, match="something else"):
        keyring.kek(parameters)


# --- systemd's credential


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return tmp_path


def test_a_credential_is_the_key(folder: Path) -> None:
    (folder / "hvx-root").write_bytes(bytes(range(32)))
    assert bytes(credential.kek().view) == bytes(range(32))


def test_without_systemd_there_is_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ProtectorUnusable, match="gives this process no credentials"):
        credential.kek()


def test_a_service_without_this_credential_is_told_so(folder: Path) -> None:
    with pytest.raises(ProtectorUnusable, match="hvx-root cannot be read: No such file"):
        credential.kek()


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_credential_of_another_length_is_refused(folder: Path, length: int) -> None:
    (folder / "hvx-root").write_bytes(bytes(length))
    with pytest.raises(ProtectorUnusable, match="not 32 bytes long") as refusal:
        credential.kek()
    assert isinstance(refusal.value, Sealed)
    assert os.fspath(folder) not in refusal.value.detail

"""The profile folder: what is secret in it, and what must not be forgotten."""

import json
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from client.faults import ProfileFault
from client.profile import AttemptsFile, Profile, ProfileFolder
from client.protocol.attempts import HOUR

NOW = 1_800_000_000.0

PROFILE = Profile(
    origin="https://example.org",
    account="alice@example.org",
    username="alice",
    fingerprint="AB" * 20,
    device="A" * 43,
    challenge="A" * 43,
    device_name="laptop",
    state="active",
)


@pytest.fixture
def folder(tmp_path: Path) -> ProfileFolder:
    return ProfileFolder(tmp_path / "profile")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_device_key_that_others_can_read_is_not_used(folder: ProfileFolder, mode: int) -> None:
    folder.make_device_key()
    (folder.path / "device.key").chmod(mode)
    with pytest.raises(ProfileFault, match="0600"):
        folder.device_key()


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]
)
def test_a_device_key_that_cannot_be_read_is_said_to_be_so(folder: ProfileFolder, content: bytes) -> None:
    file = folder.path / "device.key"
    file.touch(mode=0o600)
    file.write_bytes(content)
    with pytest.raises(ProfileFault):
        folder.device_key()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"origin": 7}'])
def test_a_profile_that_cannot_be_read_is_not_taken_for_none(folder: ProfileFolder, content: str) -> None:
    (folder.path / "profile.json").write_text(content)
    with pytest.raises(ProfileFault):
        folder.load()


def test_attempts_that_cannot_be_read_are_not_taken_for_none(folder: ProfileFolder) -> None:
    (folder.path / "exchanges.json").write_text("{")
    with pytest.raises(ProfileFault):
        folder.attempts().resting_until(NOW)


def test_folder_and_files_are_the_users_alone(folder: ProfileFolder) -> None:
    folder.make_device_key()
    folder.save(PROFILE)
    folder.attempts().begin("one", NOW)
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.path.iterdir()} == {0o600}


def test_what_was_saved_is_what_is_loaded(folder: ProfileFolder) -> None:
    assert folder.load() is None
    assert folder.device_key() is None
    key = folder.make_device_key()
    folder.save(PROFILE)
    loaded = folder.device_key()
    assert folder.load() == PROFILE
    assert loaded is not None
    assert loaded.private_bytes_raw() == key.private_bytes_raw()


def test_attempts_outlive_the_process_and_the_login(folder: ProfileFolder) -> None:
    folder.save(PROFILE)
    for exchange in ("one", "two", "three"):
        folder.attempts().begin(exchange, NOW)
    assert folder.attempts().resting_until(NOW) == NOW + HOUR
    folder.forget()
    assert folder.load() is None
    again = AttemptsFile(folder.path / "exchanges.json")
    assert again.resting_until(NOW) == NOW + HOUR
    assert again.taken("two")
    again.succeed("two")
    assert again.resting_until(NOW) is None
    assert again.taken("two")


def test_one_handoff_at_a_time_in_one_profile(folder: ProfileFolder) -> None:
    with folder.alone(), pytest.raises(ProfileFault, match="busy"), folder.alone():
        pass
    with folder.alone():
        assert (folder.path / "lock").exists()


class PaperKeyring(KeyringBackend):
    """A system keyring for tests."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.held.pop((service, username), None) is None:
            raise PasswordDeleteError("none")


def test_a_device_key_in_the_systems_keyring_touches_no_file(folder: ProfileFolder) -> None:
    before = keyring.get_keyring()
    held = PaperKeyring()
    keyring.set_keyring(held)
    try:
        key = folder.make_device_key("keyring")
        folder.save(Profile(**{**_fields(), "key_store": "keyring"}))
        assert not (folder.path / "device.key").exists()
        loaded = folder.device_key()
        assert loaded is not None
        assert loaded.private_bytes_raw() == key.private_bytes_raw()
        folder.forget()
        assert not held.held
    finally:
        keyring.set_keyring(before)


def _fields() -> dict[str, str]:
    return {name: getattr(PROFILE, name) for name in Profile.__dataclass_fields__}


def test_a_profile_holds_nothing_secret(folder: ProfileFolder) -> None:
    key = folder.make_device_key()
    folder.save(PROFILE)
    assert key.private_bytes_raw().hex() not in (folder.path / "profile.json").read_text()
    assert set(json.loads((folder.path / "profile.json").read_text())) == set(Profile.__dataclass_fields__)

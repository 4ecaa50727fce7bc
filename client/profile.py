"""The folder of one account on one device: who it is, its device key, and what it must remember.

profile.json    origin, account, device hash and its challenge, certificate; nothing secret
device.key      the Ed25519 device key, PKCS#8, mode 0600, unless the system's keyring has it
exchanges.json  exchange ids taken and when attempts failed
gnupg/          the GnuPG home of the account key, unless another is named
"""

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import keyring
import keyring.errors
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from client.faults import ProfileFault
from client.protocol.attempts import resting_until
from client.protocol.encoding import DeviceHash, key_bytes
from client.protocol.side import Identity

KEYRING_SERVICE = "hvx device key"


@dataclass(frozen=True, slots=True)
class Profile:
    """Who this device is. `state` is `registering`, `pending` or `active`; `challenge` is base64url;
    `key_store` is `file` or `keyring`; `retired` the fingerprints of earlier account keys held
    here, the latest first, joined by spaces."""

    origin: str
    account: str
    username: str
    fingerprint: str
    device: str
    challenge: str
    device_name: str
    state: str
    account_id: str = ""
    certificate: str = ""
    key_store: str = "file"
    retired: str = ""

    def identity(self, device_key: Ed25519PrivateKey) -> Identity:
        """What the protocol knows of this device."""
        return Identity(
            self.origin, self.account, DeviceHash(self.device), key_bytes(self.challenge), device_key
        )


class ProfileFolder:
    """The folder and its files. Files are replaced whole, never left half written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def gnupg_home(self) -> Path:
        """Where the account key lives unless another home is named."""
        return self.path / "gnupg"

    def load(self) -> Profile | None:
        """The profile, or None where nobody registered or logged in yet."""
        try:
            return Profile(**json.loads((self.path / "profile.json").read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as fault:
            raise ProfileFault(f"{self.path / 'profile.json'} cannot be read.") from fault

    def save(self, profile: Profile) -> None:
        """Remember who this device is."""
        _replace(self.path / "profile.json", json.dumps(asdict(profile), indent=2).encode())

    def make_device_key(self, store: str = "file") -> Ed25519PrivateKey:
        """A new device key, kept before anything is told of it."""
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        if store == "keyring":
            try:
                keyring.set_password(KEYRING_SERVICE, str(self.path.resolve()), pem.decode())
            except keyring.errors.KeyringError as fault:
                raise ProfileFault("The system has no keyring that could hold the device key.") from fault
        else:
            _replace(self._key_file, pem)
        return key

    def device_key(self) -> Ed25519PrivateKey | None:
        """The device key, or None where there is none."""
        try:
            mode = stat.S_IMODE(self._key_file.stat().st_mode)
        except FileNotFoundError:
            return self._keyring_key()
        if mode & 0o077:
            raise ProfileFault(f"{self._key_file} can be read by others; make it mode 0600.")
        return _read_key(self._key_file.read_bytes())

    def forget(self) -> None:
        """Erase device key and profile. What was remembered of exchanges stays."""
        profile = self.load()
        if profile is not None and profile.key_store == "keyring":
            with suppress(keyring.errors.KeyringError):
                keyring.delete_password(KEYRING_SERVICE, str(self.path.resolve()))
        for name in ("device.key", "profile.json"):
            (self.path / name).unlink(missing_ok=True)

    def attempts(self) -> "AttemptsFile":
        """What is remembered of exchanges."""
        return AttemptsFile(self.path / "exchanges.json")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold this profile for one handoff at a time."""
        with (self.path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as fault:
                raise ProfileFault("Another hvx is busy with a handoff in this profile.") from fault
            yield

    @property
    def _key_file(self) -> Path:
        return self.path / "device.key"

    def _keyring_key(self) -> Ed25519PrivateKey | None:
        profile = self.load()
        if profile is None or profile.key_store != "keyring":
            return None
        try:
            pem = keyring.get_password(KEYRING_SERVICE, str(self.path.resolve()))
        except keyring.errors.KeyringError as fault:
            raise ProfileFault("The system's keyring does not open.") from fault
        return None if pem is None else _read_key(pem.encode())


class AttemptsFile:
    """`client.protocol.attempts.Attempts` in a file, written and synced before it is relied upon."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def taken(self, exchange: str) -> bool:
        return exchange in self._read()

    def begin(self, exchange: str, now: float) -> None:
        kept = self._read()
        kept[exchange] = {"at": now, "failed": True}
        self._write(kept)

    def succeed(self, exchange: str) -> None:
        kept = self._read()
        kept[exchange]["failed"] = False
        self._write(kept)

    def resting_until(self, now: float) -> float | None:
        return resting_until((float(row["at"]) for row in self._read().values() if row["failed"]), now)

    def _read(self) -> dict[str, dict[str, float | bool]]:
        try:
            content: dict[str, dict[str, float | bool]] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        except ValueError as fault:
            # Not taken for empty: that would forget the failures that it counts.
            raise ProfileFault(f"{self._path} cannot be read.") from fault
        return content

    def _write(self, content: dict[str, dict[str, float | bool]]) -> None:
        _replace(self._path, json.dumps(content).encode())


def _read_key(pem: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as fault:
        raise ProfileFault("The device key cannot be read.") from fault
    if not isinstance(key, Ed25519PrivateKey):
        raise ProfileFault("The device key is of another kind.")
    return key


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""This device, as the commands use it: its profile, its key, its server and its GnuPG home."""

import platform
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from client.api import Api
from client.examination import Examination
from client.faults import Fault, KeyFault, NoAnswer
from client.gnupg import Home
from client.profile import Profile, ProfileFolder
from client.protocol.delivery import AccountKey
from client.protocol.device_hash import device_hash
from client.protocol.encoding import DeviceHash, account_at, is_fingerprint, key_bytes
from client.protocol.reasons import Refused
from client.protocol.side import Identity
from client.protocol.statements import DeviceStatement
from client.socket import PATH


class NotLoggedIn(Fault):
    """There is no active profile here."""


@dataclass(slots=True)
class ThisDevice:
    """A profile with what it needs to act. Close it when done."""

    folder: ProfileFolder
    profile: Profile
    device_key: Ed25519PrivateKey
    api: Api
    home: Home

    @property
    def identity(self) -> Identity:
        """What the protocol knows of this device."""
        return self.profile.identity(self.device_key)

    @property
    def public_key(self) -> bytes:
        """The device key's public half, 32 raw bytes."""
        return self.device_key.public_key().public_bytes_raw()

    def close(self) -> None:
        """Let go of connections and of GnuPG's agent."""
        self.api.close()
        self.home.stop()

    def keep(self, **changes: str) -> None:
        """Change the profile and save it."""
        self.profile = replace(self.profile, **changes)
        self.folder.save(self.profile)

    def renew_token(self) -> Any:
        """Ask for a token by the device key alone; the answer."""
        self.api.token = None
        answer = self.api.post("sessions/refresh", {"token_type": "DPoP"})
        self.take_token(answer)
        return answer

    def take_token(self, answer: Any) -> None:
        """Use the token of an answer from now on."""
        if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
            raise NoAnswer("The server's answer holds no token.")
        self.api.token = answer["access_token"]

    def headers(self, *, again: bool) -> dict[str, str]:
        """`client.socket.Pass`: each connection proves itself anew."""
        if again or self.api.token is None:
            self.renew_token()
        proof = self.api.proof("GET", PATH, token=self.api.token)
        return {"Authorization": f"DPoP {self.api.token}", "DPoP": proof}

    def statement(self) -> DeviceStatement:
        """What this device's certificate says."""
        return DeviceStatement(
            origin=self.profile.origin,
            account=self.profile.account,
            key=self.profile.fingerprint,
            device=DeviceHash(self.profile.device),
            device_key=self.public_key,
            challenge=key_bytes(self.profile.challenge),
        )

    def has_account_key(self) -> bool:
        """Whether the account's private key is here."""
        return bool(self.home.secret_parts(self.profile.fingerprint))

    def account_key(self) -> AccountKey:
        """The account's private keys as they are handed on."""
        retired = [text for text in self.profile.retired.split() if text]
        return AccountKey(
            self.profile.fingerprint,
            self.home.give_secret(self.profile.fingerprint),
            tuple(self.home.give_secret(fingerprint) for fingerprint in retired),
        )

    def check_key_can_be_handed_on(self) -> None:
        """`KeyFault` where another device would refuse the account key as it is exported."""
        try:
            with Examination().examine(self.account_key().private_key) as key:
                works = key.every_secret_key_works()
        except Refused:
            works = False
        if not works:
            raise KeyFault(
                "The account key cannot be handed on as it is here: it must sign and decrypt without "
                "a passphrase, with each of its parts."
            )


def platform_name() -> str:
    """What this device tells of itself when it logs in, such as `Linux`."""
    return platform.system() or "unknown"


def take_device(profile: Profile, answer: Any, public_key: bytes) -> Profile:
    """The profile with the device that an answer of the server names.

    The hash is computed here from this device's own key; a server that names another is refused.
    """
    try:
        challenge = answer["challenge"]
        device = device_hash(profile.account, public_key, key_bytes(challenge))
        if answer["device"] != device:
            raise Fault("The server named a device hash that is not this device's.")
        return replace(profile, device=device, challenge=challenge)
    except (KeyError, TypeError, ValueError) as fault:
        raise NoAnswer("The server's answer is not of the protocol.") from fault


def take_account(answer: Any, origin: str, username: str | None) -> tuple[str, str, str, str]:
    """(id, username, account, fingerprint) of an answer. The account must be one of `origin`,
    and `username`'s, where that is known."""
    try:
        told = answer["account"]
        name, fingerprint = told["username"], told["fingerprint"]
        account = account_at(name, origin)
        if told["account"] != account or (username is not None and name != username):
            raise Fault("The server logged this device in to another account.")
        if not is_fingerprint(fingerprint):
            raise ValueError("no fingerprint")
        return str(told["id"]), name, account, fingerprint
    except (KeyError, TypeError, ValueError) as fault:
        raise NoAnswer("The server's answer is not of the protocol.") from fault


def open_device(path: Path, gnupg_home: Path | None, *, states: tuple[str, ...] = ("active",)) -> ThisDevice:
    """The device of a profile folder; `NotLoggedIn` where it has none in one of these states."""
    folder = ProfileFolder(path)
    profile, key = folder.load(), folder.device_key()
    if profile is not None and key is not None and profile.state == "pending" and "pending" not in states:
        raise NotLoggedIn("This device has not the account key yet: run hvx login.")
    if profile is None or key is None or profile.state not in states:
        raise NotLoggedIn("Nobody is logged in here; use hvx register or hvx login.")
    return ThisDevice(
        folder=folder,
        profile=profile,
        device_key=key,
        api=Api(profile.origin, key),
        home=open_home(folder, gnupg_home),
    )


def open_home(folder: ProfileFolder, gnupg_home: Path | None) -> Home:
    """The GnuPG home of the account key: the user's own may ask for its passphrase."""
    return Home(folder.gnupg_home) if gnupg_home is None else Home(gnupg_home, ask=True)

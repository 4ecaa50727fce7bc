"""Logging in: pending at first, and active once this device holds the account key."""

import secrets
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from client.api import Api
from client.device import ThisDevice, open_home, platform_name, take_account, take_device
from client.directory import published
from client.examination import Examination
from client.faults import Fault, KeyFault, NoAnswer
from client.profile import Profile, ProfileFolder
from client.protocol.effects import Adopt
from client.protocol.encoding import DeviceHash, check_origin, key_bytes
from client.protocol.new_device import NewDevice
from client.protocol.qr import SECRET_LENGTH
from client.protocol.reasons import Refused
from client.text import clean


@dataclass(frozen=True, slots=True)
class Login:
    """What a person types. `login` is a username or an e-mail address."""

    origin: str
    login: str
    password: str = field(repr=False)
    device_name: str
    key_store: str = "file"


@dataclass(frozen=True, slots=True)
class AskedDevice:
    """A device that could hand the key over; `name` and `platform` are cleaned for showing."""

    device: DeviceHash
    name: str
    platform: str
    online: bool


def log_in(
    wanted: Login, folder: ProfileFolder, gnupg_home: Path | None
) -> tuple[ThisDevice, list[AskedDevice]]:
    """This device, pending or active, and the devices that a pending one may ask."""
    origin = check_origin(wanted.origin)
    known = folder.load()
    device_key = folder.device_key() or folder.make_device_key(wanted.key_store)
    with ExitStack() as undo:
        api = undo.enter_context(Api(origin, device_key))
        if known is not None and known.state == "active" and not _is_pending_again(api, known):
            raise Fault(f"This profile is logged in as {known.account}; name another folder with --home.")
        answer = _present(api, wanted)
        told = _told(wanted, answer, known)
        device = ThisDevice(folder, told, device_key, api, open_home(folder, gnupg_home))
        undo.callback(device.home.stop)
        device.take_token(answer)
        asked: list[AskedDevice] = []
        if answer.get("state") == "active":
            _resume(device, known, answer)
        else:
            device.profile = take_device(told, answer, device.public_key)
            asked = _asked(answer)
            folder.save(device.profile)
        undo.pop_all()
    return device, asked


def _present(api: Api, wanted: Login) -> Any:
    """Show name and password; the answer."""
    body = {
        "login": wanted.login,
        "password": wanted.password,
        "device": {"name": wanted.device_name, "platform": platform_name()},
        "token_type": "DPoP",
    }
    return api.call("POST", "sessions", body=body, token=False)


def _told(wanted: Login, answer: Any, known: Profile | None) -> Profile:
    """The profile that an answer describes, but for the device."""
    origin = wanted.origin
    username = None if "@" in wanted.login else wanted.login.strip().lower()
    account_id, name, account, fingerprint = take_account(answer, origin, username)
    # The key that was replaced elsewhere is still here, and goes when this device logs out.
    # One that was made for a registration that never went through was never the account's.
    was_its = known is not None and known.account == account and known.state != "registering"
    held = [known.fingerprint, *known.retired.split()] if known is not None and was_its else []
    return Profile(
        origin=origin,
        account=account,
        username=name,
        fingerprint=fingerprint,
        device="",
        challenge="",
        device_name=wanted.device_name,
        state="pending",
        account_id=account_id,
        key_store=wanted.key_store,
        retired=" ".join(key for key in held if key != fingerprint),
    )


def _is_pending_again(api: Api, known: Profile) -> bool:
    """Whether another device replaced the account key, so that this one has to get the new one."""
    if api.origin != known.origin:
        return False
    answer: Any = api.call("POST", "sessions/refresh", body={"token_type": "DPoP"}, token=False)
    return isinstance(answer, dict) and answer.get("state") == "pending"


def _resume(device: ThisDevice, known: Profile | None, answer: Any) -> None:
    """A device whose registration or activation went through although the answer was lost."""
    if known is None or (known.account, known.fingerprint, known.device) != (
        device.profile.account,
        device.profile.fingerprint,
        answer.get("device"),
    ):
        raise Fault("The server takes this device for active, but this profile knows nothing of that.")
    device.profile = replace(known, account_id=device.profile.account_id)
    device.keep(state="active")


def ask_for_key(device: ThisDevice, to: DeviceHash | None, *, qr: bool) -> NewDevice:
    """This device's side of one exchange, with everything in it made fresh."""
    told = published(device.api, device.profile.username)
    if told.fingerprint != device.profile.fingerprint:
        raise Fault("The server names one account key at login and publishes another.")
    return NewDevice(
        device.identity,
        exchange=str(uuid.uuid4()),
        ephemeral_key=X25519PrivateKey.generate(),
        nonce=secrets.token_bytes(32),
        attempts=device.folder.attempts(),
        openpgp=Examination(),
        published=told,
        to=to,
        qr_secret=secrets.token_bytes(SECRET_LENGTH) if qr else None,
    )


def adopt(device: ThisDevice, keys: Adopt) -> None:
    """Store keys that passed every check."""
    device.home.take_secret(keys.private_key)
    if not device.has_account_key():
        raise KeyFault("GnuPG did not keep the account key.")
    device.keep(retired=" ".join(device.home.take_secret(retired) for retired in keys.retired_keys))


def take_back_up(device: ThisDevice, private_key: str) -> None:
    """Store the account key from the user's own back-up, once it is known to be that key."""
    try:
        with Examination().examine(private_key) as key:
            if key.fingerprint != device.profile.fingerprint:
                raise KeyFault("The back-up holds another key than this account's.")
            if not key.every_secret_key_works():
                raise KeyFault("The key in the back-up does not sign and decrypt with each of its parts.")
    except Refused as refused:
        # A file of the user's own: nobody interferes by it.
        raise KeyFault("That file holds no private key that can be read.") from refused
    device.home.take_secret(private_key)


def activate(device: ThisDevice) -> None:
    """Certify this device by the account key that it now holds."""
    certificate = device.home.sign(device.profile.fingerprint, device.statement().certificate())
    # Saved first: should the answer be lost, the next login finds this device active.
    device.keep(certificate=certificate)
    answer = device.api.post("sessions/activate", {"certificate": certificate, "token_type": "DPoP"})
    device.take_token(answer)
    device.keep(state="active")


def _asked(answer: Any) -> list[AskedDevice]:
    try:
        rows = [
            AskedDevice(
                DeviceHash(row["device"]),
                clean(row["name"], 40),
                clean(row["platform"], 40),
                row["online"] is True,
            )
            for row in answer["devices"]
        ]
        for row in rows:
            key_bytes(row.device)
    except (KeyError, TypeError, ValueError) as fault:
        raise NoAnswer("The server's list of devices is not of the protocol.") from fault
    return rows

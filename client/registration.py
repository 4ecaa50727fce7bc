"""Registering an account: its key is made here, backed up, and only then told of."""

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from client.api import Api
from client.device import ThisDevice, open_home, platform_name, take_account, take_device
from client.faults import ApiError, Fault
from client.profile import Profile, ProfileFolder
from client.protocol.encoding import account_at, check_origin

SECRET_LENGTH = 32

BackUp = Callable[[str, str], None]
"""Given account and armored private key: keeps a back-up, or raises and nothing is registered."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a person chooses."""

    origin: str
    username: str
    email: str
    password: str = field(repr=False)
    device_name: str
    invite: str | None = None
    key_store: str = "file"


def register(
    wanted: Registration, folder: ProfileFolder, gnupg_home: Path | None, back_up: BackUp
) -> ThisDevice:
    """A new account whose first device this is."""
    known = folder.load()
    if known is not None and known.state != "registering":
        raise Fault("This profile has an account already; name another folder with --home.")
    origin = check_origin(wanted.origin)
    account = account_at(wanted.username, origin)
    # After a registration whose answer was lost or that was refused, its keys are used again.
    device_key = folder.device_key() or folder.make_device_key(wanted.key_store)
    blank = Profile(
        origin=origin,
        account=account,
        username=wanted.username,
        fingerprint="",
        device="",
        challenge="",
        device_name=wanted.device_name,
        state="registering",
        key_store=wanted.key_store,
    )
    with ExitStack() as undo:
        api = undo.enter_context(Api(origin, device_key))
        # Asked for twice: at first to learn whether the name is free, and when the back-up is made
        # anew, for that may have taken its user longer than a challenge lives.
        _challenge(api, wanted.username)
        _check_password(api, wanted.password)
        home = open_home(folder, gnupg_home)
        undo.callback(home.stop)
        device = ThisDevice(folder, blank, device_key, api, home)
        fingerprint = _account_key(device, known)
        # Kept before it is backed up: who cancels and repeats has a back-up of the key that is used.
        device.keep(fingerprint=fingerprint)
        back_up(account, home.give_secret(fingerprint))
        given = _challenge(api, wanted.username)
        device.profile = take_device(device.profile, given, device.public_key)
        certificate = home.sign(fingerprint, device.statement().certificate())
        # Saved before it is told: should the answer be lost, a login with this key finds the account.
        device.keep(certificate=certificate)
        answer = api.call("POST", "accounts", body=_body(wanted, device), token=False)
        device.take_token(answer)
        account_id, *_ = take_account(answer, origin, wanted.username)
        device.keep(state="active", account_id=account_id)
        keep_secret(device)
        undo.pop_all()
    return device


def _challenge(api: Api, username: str) -> Any:
    return api.call("POST", "challenges", body={"purpose": "register", "username": username}, token=False)


def _check_password(api: Api, password: str) -> None:
    """So that nobody is told only after the back-up that the password is too short."""
    limits: Any = api.call("GET", "instance", token=False, prove=False).get("limits", {})
    least = limits.get("password_characters")
    if isinstance(least, int) and len(password) < least:
        raise Fault(f"The password must have at least {least} characters.")


def _account_key(device: ThisDevice, known: Profile | None) -> str:
    held = known.fingerprint if known is not None and known.account == device.profile.account else ""
    if held and device.home.secret_parts(held):
        return held
    return device.home.make_key(device.profile.account)


def keep_secret(device: ThisDevice) -> None:
    """Make the account secret and have the server keep it, encrypted to the account key."""
    message = device.home.encrypt(secrets.token_bytes(SECRET_LENGTH), device.profile.fingerprint)
    device.api.call("PUT", "me/secret", body={"message": message.decode("ascii")}, prove=False)


def require_secret(device: ThisDevice) -> None:
    """Make the account secret where the first try of it was lost."""
    try:
        device.api.get("me/secret")
    except ApiError as error:
        if error.code != "secret_missing":
            raise
        keep_secret(device)


def account_secret(device: ThisDevice) -> bytes:
    """The account secret, 32 bytes."""
    answer = device.api.get("me/secret")
    secret = device.home.decrypt(str(answer["message"]).encode())
    if len(secret) != SECRET_LENGTH:
        raise Fault("The account secret is not what it must be.")
    return secret


def _body(wanted: Registration, device: ThisDevice) -> dict[str, Any]:
    body: dict[str, Any] = {
        "username": wanted.username,
        "email": wanted.email,
        "password": wanted.password,
        "public_key": device.home.give_public(device.profile.fingerprint),
        "device": {"name": wanted.device_name, "platform": platform_name()},
        "challenge": device.profile.challenge,
        "certificate": device.profile.certificate,
        "token_type": "DPoP",
    }
    if wanted.invite is not None:
        body["invite"] = wanted.invite
    return body

"""Ending devices: another one's revocation, and this one's own."""

from dataclasses import dataclass
from typing import Any

from client.api import segment
from client.device import ThisDevice
from client.directory import pages, published
from client.faults import Fault, NoAnswer
from client.protocol.device_hash import device_hash
from client.protocol.encoding import DeviceHash, key_bytes
from client.protocol.statements import DeviceStatement
from client.text import clean


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """A row of `GET devices`, cleaned for showing. Times are as the server tells them."""

    device: str
    kind: str
    name: str
    platform: str
    last_seen_at: str
    state: str
    online: bool
    current: bool


def list_devices(device: ThisDevice) -> list[ListedDevice]:
    """The account's devices that have not ended, apps and access keys too."""
    try:
        return [
            ListedDevice(
                device=clean(str(row["device"]), 64),
                kind=clean(str(row["kind"]), 20),
                name=clean(str(row["name"]), 40),
                platform=clean(str(row["platform"]), 40),
                last_seen_at=clean(str(row.get("last_seen_at") or ""), 40),
                state=clean(str(row.get("state") or ""), 20),
                online=row.get("online") is True,
                current=row["device"] == device.profile.device,
            )
            for row in pages(device.api, "devices")
        ]
    except (KeyError, TypeError) as fault:
        raise NoAnswer("The server's list of devices is not of the protocol.") from fault


def find_device(rows: list[ListedDevice], wanted: str) -> ListedDevice:
    """The one device whose name, hash or beginning of a hash is `wanted`; `Fault` if there is not one."""
    for found in (
        [row for row in rows if row.device == wanted],
        [row for row in rows if row.name == wanted],
        [row for row in rows if len(wanted) >= 4 and row.device.startswith(wanted)],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            raise Fault("That names more than one device; give more of its hash.")
    raise Fault("The account has no such device.")


def revoke(device: ThisDevice, named: ListedDevice, *, key_backed_up: bool = False) -> None:
    """End another device of the account, by the account key where that device has a key."""
    if named.current:
        raise Fault("That is this device; hvx logout ends it.")
    body = {} if named.kind != "device" else _revocation(device, DeviceHash(named.device))
    device.api.post(f"devices/{segment(named.device)}/revoke", body, params=_flag(key_backed_up))


def log_out(device: ThisDevice, *, key_backed_up: bool = False) -> None:
    """End this device, then erase the account key and the device key from it."""
    body: dict[str, str] = {}
    if device.profile.state == "active" and device.has_account_key():
        body = _revocation(device, DeviceHash(device.profile.device))
    device.api.post("sessions/logout", body, params=_flag(key_backed_up))
    erase(device)


def erase(device: ThisDevice) -> None:
    """Take every key of the account off this device."""
    for fingerprint in (device.profile.fingerprint, *device.profile.retired.split()):
        if device.home.secret_parts(fingerprint):
            device.home.erase(fingerprint)
    device.folder.forget()


def _revocation(device: ThisDevice, named: DeviceHash) -> dict[str, str]:
    given: Any = device.api.post("challenges", {"purpose": "revoke", "device": named})
    profile = device.profile
    try:
        challenge = key_bytes(given["challenge"])
        agrees = (given["device"], given["account"], given["origin"]) == (
            named,
            profile.account,
            profile.origin,
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise NoAnswer("The server's challenge is not of the protocol.") from fault
    if not agrees:
        raise Fault("The server gave a challenge for something else; nothing was signed.")
    statement = DeviceStatement(
        origin=profile.origin,
        account=profile.account,
        key=profile.fingerprint,
        device=named,
        device_key=_device_key(device, named),
        challenge=challenge,
    )
    signed = device.home.sign(profile.fingerprint, statement.revocation())
    return {"challenge": given["challenge"], "revocation": signed}


def _device_key(device: ThisDevice, named: DeviceHash) -> bytes:
    if named == device.profile.device:
        return device.identity.public_key
    row = published(device.api, device.profile.username).devices.get(named)
    if row is None:
        raise Fault("The server does not publish that device's key; nothing was signed.")
    if device_hash(device.profile.account, row.device_key, row.challenge) != named:
        raise Fault("What the server publishes of that device does not fit its hash; nothing was signed.")
    return row.device_key


def _flag(key_backed_up: bool) -> dict[str, str] | None:
    return {"key_backed_up": "true"} if key_backed_up else None

"""Taking everything along, and erasing the account."""

import os
import zipfile
from pathlib import Path

from client import endings
from client.backup import refuse_existing
from client.device import ThisDevice
from client.faults import Fault, NoAnswer


def export_account(device: ThisDevice, password: str, file: Path) -> None:
    """Everything that the server holds of the account, in a new file of mode 0600.

    A ZIP file as the server sends it: not opened here but to see that it is whole. Nothing is left of
    one that is not.
    """
    refuse_existing(file)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            device.api.call("POST", "me/export", body={"password": password}, into=opened.write)
            opened.flush()
            os.fsync(opened.fileno())
        _require_whole(file)
    except BaseException:
        file.unlink()
        raise


def _require_whole(file: Path) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            damaged = archive.testzip()
    except zipfile.BadZipFile as fault:
        raise NoAnswer("What the server sent is no whole archive.") from fault
    if damaged is not None:
        raise NoAnswer("What the server sent is no whole archive.")


def require_username(device: ThisDevice, typed: str) -> None:
    """`Fault` unless that is the username, which a user types for nothing but an erasure."""
    if typed != device.profile.username:
        raise Fault("That is not the account's username; nothing was erased.")


def erase_account(device: ThisDevice, password: str) -> None:
    """Erase the account from its server, and then its keys from this device."""
    device.api.call("DELETE", "me", body={"password": password})
    endings.erase(device)

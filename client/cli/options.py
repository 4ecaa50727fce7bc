"""Options that several commands have."""

import platform
from pathlib import Path
from typing import Annotated

import typer

from client.faults import Fault
from client.protocol.encoding import account_at, check_origin

Origin = Annotated[str | None, typer.Option("--origin", help="The server, such as https://example.org.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="The file whose first line is the password.")
]
DeviceName = Annotated[str | None, typer.Option("--device-name", help="What to call this device.")]
KeyStore = Annotated[bool, typer.Option("--keyring", help="Keep the device key in the system's keyring.")]
KeyBackedUp = Annotated[
    bool, typer.Option("--key-backed-up", help="End the last device: the account key is backed up.")
]


def default_device_name() -> str:
    """What this machine calls itself."""
    return platform.node() or "this device"


def server_of(origin: str) -> str:
    """The origin that was typed, which may end in a slash as browsers show it; `Fault` if it is none."""
    try:
        return check_origin(origin.strip().removesuffix("/"))
    except ValueError as fault:
        raise Fault(
            "That is no server's address: it is like https://example.org, in small letters, and with a "
            "port only where that is not the usual one."
        ) from fault


def username_of(username: str) -> str:
    """The username that was typed; `Fault` if it can be none."""
    try:
        account_at(username, "https://example.org")
    except ValueError as fault:
        raise Fault("That is no username: it is 1 to 30 of a-z, 0-9 and _.") from fault
    return username

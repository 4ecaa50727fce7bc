"""Options that several commands have."""

import platform
from pathlib import Path
from typing import Annotated

import typer

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

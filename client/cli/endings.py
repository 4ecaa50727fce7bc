"""`hvx devices`, `revoke` and `logout`."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from client import endings
from client.cli.context import Context, one_sentence
from client.cli.options import KeyBackedUp
from client.faults import ApiError


def devices(ctx: typer.Context) -> None:
    """List the account's devices."""
    context: Context = ctx.obj
    with one_sentence(context.terminal), context.device() as device:
        device.renew_token()
        table = Table("device", "name", "kind", "platform", "state", "last seen", "", box=None)
        for row in endings.list_devices(device):
            mark = "this device" if row.current else "online" if row.online else ""
            cells = (row.device, row.name, row.kind, row.platform, row.state, row.last_seen_at, mark)
            # As texts, so that markup in a name means nothing.
            table.add_row(*(Text(cell) for cell in cells))
        context.terminal.show(table)


def revoke(
    ctx: typer.Context,
    device_wanted: Annotated[
        str, typer.Argument(metavar="DEVICE", help="Its name or the start of its hash.")
    ],
    key_backed_up: KeyBackedUp = False,
) -> None:
    """End another device of the account, by a statement that the account key signs."""
    context: Context = ctx.obj
    with one_sentence(context.terminal), context.device() as device:
        device.renew_token()
        named = endings.find_device(endings.list_devices(device), device_wanted)
        endings.revoke(device, named, key_backed_up=key_backed_up)
        if named.kind == "device":
            context.terminal.say(
                "That device may still hold the account key: if it was lost, make a new one with "
                "hvx key replace, and change the password with hvx passwd."
            )
        context.terminal.say(f"Revoked {named.name}.")


def logout(ctx: typer.Context, key_backed_up: KeyBackedUp = False) -> None:
    """End this device, and erase the account key and the device key from it."""
    context: Context = ctx.obj
    with one_sentence(context.terminal), context.device("active", "pending", "registering") as device:
        try:
            device.renew_token()
            endings.log_out(device, key_backed_up=key_backed_up)
        except ApiError as error:
            # The server knows this device no more, so only what lies here is left to end.
            if error.code not in ("device_revoked", "unknown_device_key"):
                raise
            endings.erase(device)
        context.terminal.say("Logged out; the account key and the device key are erased from this device.")

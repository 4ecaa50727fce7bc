"""`hvx security-log`."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from client import endings, security_log
from client.cli.context import Context, one_sentence

NETWORK = {True: "this", False: "another", None: ""}


def show(
    ctx: typer.Context,
    most: Annotated[int, typer.Option("--most", min=1, max=1000, help="So many events.")] = 30,
) -> None:
    """What the server wrote down of this account, newest first: logins, refused ones, devices, keys."""
    context: Context = ctx.obj
    with one_sentence(context.terminal), context.device() as device:
        device.renew_token()
        names = {row.device: row.name for row in endings.list_devices(device)}
        table = Table("when", "what", "device", "network", "details", box=None)
        for row in security_log.read(device, most):
            named = names.get(row.device, row.device[:12])
            cells = (row.at, row.event, named, NETWORK[row.same_network], row.details)
            # As texts, so that markup in what the server says means nothing.
            table.add_row(*(Text(cell) for cell in cells))
        context.terminal.show(table)

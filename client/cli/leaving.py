"""`hvx export` and `hvx erase`."""

from pathlib import Path
from typing import Annotated

import typer

from client.backup import refuse_existing
from client.cli.context import Context, one_sentence
from client.cli.options import PasswordFile
from client.leaving import erase_account, export_account, require_username


def export(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, a ZIP archive.")],
    password_file: PasswordFile = None,
) -> None:
    """Save everything that the server holds of the account in one archive."""
    context: Context = ctx.obj
    with one_sentence(context.terminal):
        refuse_existing(file)
        with context.device() as device:
            device.renew_token()
            export_account(device, context.password(password_file), file)
        context.terminal.say(f"Everything that the server holds of the account is in {file}.")


def erase(
    ctx: typer.Context,
    password_file: PasswordFile = None,
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="USERNAME", help="The username, in place of typing it.")
    ] = None,
) -> None:
    """Erase the account from its server, for ever, and its keys from this device."""
    context: Context = ctx.obj
    with one_sentence(context.terminal), context.device() as device:
        device.renew_token()
        context.terminal.say(
            f"This erases {device.profile.account} with all its devices, for ever. Nobody gets the name "
            "again, you neither. Other devices and your back-up still hold the account key. To take along "
            "what the server has, run hvx export first."
        )
        typed = confirm if confirm is not None else context.terminal.ask("Type the username to erase it:")
        require_username(device, typed.strip())
        erase_account(device, context.password(password_file))
        context.terminal.say("The account is erased, and its keys from this device.")

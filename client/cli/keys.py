"""`hvx key export`, `import` and `replace`."""

from pathlib import Path
from typing import Annotated

import typer

from client.backup import read_back_up, refuse_existing, write_back_up
from client.cli.accounts import back_up_passphrase, keep_back_up
from client.cli.context import Context, one_sentence
from client.cli.options import PasswordFile
from client.faults import Fault
from client.login import activate, take_back_up
from client.registration import require_secret
from client.replacement import replace_key

app = typer.Typer(no_args_is_help=True, help="The account key: back it up, bring it back, replace it.")

PassphraseFile = Annotated[Path | None, typer.Option(help="The file with the back-up's passphrase.")]


@app.command("export")
def export(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A new file.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write a back-up of the account's private key."""
    context: Context = ctx.obj
    with one_sentence(context.terminal), context.device("active", "pending") as device:
        if not device.has_account_key():
            raise Fault("The account key is not on this device.")
        refuse_existing(file)
        passphrase = back_up_passphrase(context, passphrase_file, asked=context.terminal.person)
        write_back_up(file, device.home.give_secret(device.profile.fingerprint), passphrase)
        context.terminal.say(f"The back-up is in {file}{'' if passphrase else ', unencrypted'}.")


@app.command("import")
def import_command(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A back-up, or an exported private key.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Take the account's private key from a back-up; a pending device becomes active by it."""
    context: Context = ctx.obj
    with one_sentence(context.terminal), context.device("active", "pending") as device:
        take_back_up(device, read_back_up(file, lambda: context.password(passphrase_file, "Passphrase:")))
        if device.profile.state == "pending":
            device.renew_token()
            activate(device)
            require_secret(device)
        context.terminal.say(f"The key of {device.profile.account} is on this device.")


@app.command("replace")
def replace(
    ctx: typer.Context,
    password_file: PasswordFile = None,
    backup: Annotated[Path | None, typer.Option("--backup", help="Write the new key's back-up here.")] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Replace the account key, when a device that holds it was lost.

    This device is certified by the new key. The others become pending and get it by hvx login.
    """
    context: Context = ctx.obj
    terminal = context.terminal
    with one_sentence(terminal), context.device() as device:
        device.renew_token()
        password = context.password(password_file)

        def keep(account: str, private_key: str) -> None:
            keep_back_up(context, account, private_key, backup, passphrase_file)

        replace_key(device, password, keep)
        terminal.say("Your other devices are pending now: hvx login on each, hvx approve here.")
        terminal.say(f"The account key is replaced: {device.profile.fingerprint}")

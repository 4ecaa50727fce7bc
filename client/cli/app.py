"""The command line of `hvx`."""

import os
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from client.cli import access_keys, accounts, endings, handing, keys, leaving, passwords, security_log
from client.cli.context import Context
from client.cli.exits import MEANINGS

_EXIT_CODES = (
    "Exit codes: "
    + "; ".join(f"{int(code)} {meaning}" for code, meaning in MEANINGS.items())
    + "; 2 wrong command line."
)

WITH_ACCESS_KEY = ("whoami", "token")

app = typer.Typer(
    name="hvx",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog=_EXIT_CODES,
    help="Your account on an Hvx server, from this device. The account's private key stays on your devices.",
)


@app.callback()
def hvx(
    ctx: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option("--home", envvar="HVX_HOME", help="The profile's folder: one account, one device."),
    ] = None,
    gnupg_home: Annotated[
        Path | None,
        typer.Option(
            "--gnupg-home", envvar="HVX_GNUPG_HOME", help="Keep the account key in this GnuPG home."
        ),
    ] = None,
    access_key: Annotated[
        Path | None,
        typer.Option("--access-key", help="Go by the access key in this file instead of a device."),
    ] = None,
) -> None:
    """What stands before the command."""
    if access_key is not None and ctx.invoked_subcommand not in WITH_ACCESS_KEY:
        raise typer.BadParameter(
            f"an access key is for {' and '.join(WITH_ACCESS_KEY)}; all else needs a device.",
            param_hint="--access-key",
        )
    _open_closed_input()
    # Profile, back-ups and homes are nobody else's.
    os.umask(0o077)
    ctx.obj = Context(home or Path(platformdirs.user_data_dir("hvx")), gnupg_home, access_key)


app.command("register")(accounts.register_command)
app.command("login")(handing.login)
app.command("approve")(handing.approve)
app.command("devices")(endings.devices)
app.command("revoke")(endings.revoke)
app.command("verify")(accounts.verify)
app.command("whoami")(accounts.whoami)
app.command("passwd")(passwords.passwd)
app.command("security-log")(security_log.show)
app.command("logout")(endings.logout)
app.command("export")(leaving.export)
app.command("erase")(leaving.erase)
app.command("token")(access_keys.token)
app.add_typer(keys.app, name="key")
app.add_typer(access_keys.app, name="access-key")


def _open_closed_input() -> None:
    # Else the next file or connection that is opened would be read as what was typed.
    try:
        os.fstat(0)
    except OSError:
        if (nothing := os.open(os.devnull, os.O_RDONLY)) != 0:
            os.dup2(nothing, 0)
            os.close(nothing)


def main() -> None:
    """The `hvx` command."""
    app()

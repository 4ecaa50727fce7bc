"""`hvx access-key new`, `list` and `revoke`, and what a program does with one: `hvx --access-key FILE …`."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import segno
import typer
from rich.table import Table
from rich.text import Text

from client import access_keys
from client.api import Api
from client.cli.context import Context, one_sentence
from client.cli.exits import Ending, Exit
from client.cli.options import PasswordFile
from client.faults import ApiError, Fault
from client.protocol.access_key import SCOPES, AccessKey

app = typer.Typer(no_args_is_help=True, help="Access keys for programs: short tokens of few scopes.")


@app.command("new")
def new(
    ctx: typer.Context,
    name: Annotated[str, typer.Option("--name", help="What it is for.")] = "access key",
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help=f"One of {', '.join(SCOPES)}; may be repeated.")
    ] = None,
    expires: Annotated[
        int, typer.Option("--expires", metavar="DAYS", min=1, max=366, help="Good for so many days.")
    ] = 365,
    save: Annotated[Path | None, typer.Option("--save", help="Write it to this new file, mode 0600.")] = None,
    qr: Annotated[bool, typer.Option("--qr", help="Show it as a QR code in the terminal.")] = False,
    password_file: PasswordFile = None,
) -> None:
    """Make an access key. It is shown or saved once, and nothing tells its secret again."""
    context: Context = ctx.obj
    terminal = context.terminal
    with one_sentence(terminal):
        if save is None and not qr:
            raise Fault("Say where it goes, with --save FILE or --qr: its secret is told once.")
        if qr and not terminal.console.is_terminal:
            raise Fault("A QR code is for a terminal; use --save FILE.")
        if not scope or not set(scope) <= set(SCOPES):
            raise Fault(f"Say what it may do, with --scope: {', '.join(SCOPES)}.")
        expires_at = (datetime.now(UTC) + timedelta(days=expires)).isoformat(timespec="seconds")
        with context.device() as device:
            device.renew_token()
            password = context.password(password_file)
            with access_keys.kept(device, save) as keep:
                scopes = [one for one in SCOPES if one in scope]
                key = access_keys.make(
                    device, password=password, name=name, scopes=scopes, expires_at=expires_at
                )
                keep(key)
        if qr:
            _show(context, key)
        where = f" It is in {save}." if save is not None else ""
        terminal.say(f"Made the access key {key.key_id}, good until {key.expires_at}.{where}")


def _show(context: Context, key: AccessKey) -> None:
    drawn = io.StringIO()
    segno.make(key.text(), error="l").terminal(out=drawn, compact=True, border=2)
    context.terminal.say("Whoever scans this holds the access key:")
    context.terminal.console.file.write(drawn.getvalue())


@app.command("list")
def list_command(ctx: typer.Context) -> None:
    """List the account's access keys that are in force."""
    context: Context = ctx.obj
    with one_sentence(context.terminal), context.device() as device:
        device.renew_token()
        table = Table("id", "name", "scopes", "made", "last seen", "expires", box=None)
        for row in access_keys.list_access_keys(device):
            cells = (row.key_id, row.name, row.scopes, row.created_at, row.last_seen_at, row.expires_at)
            # As texts, so that markup in a name means nothing.
            table.add_row(*(Text(cell) for cell in cells))
        context.terminal.show(table)


@app.command("revoke")
def revoke(
    ctx: typer.Context,
    wanted: Annotated[str, typer.Argument(metavar="KEY", help="Its name or the start of its id.")],
) -> None:
    """End an access key, and every token that it was exchanged for."""
    context: Context = ctx.obj
    with one_sentence(context.terminal), context.device() as device:
        device.renew_token()
        named = access_keys.find(access_keys.list_access_keys(device), wanted)
        access_keys.end(device, named.key_id)
        context.terminal.say(f"Ended the access key {named.name}.")


def token(ctx: typer.Context) -> None:
    """Print a token of an access key: hvx --access-key FILE token."""
    context: Context = ctx.obj
    with one_sentence(context.terminal):
        if context.access_key is None:
            raise Fault("This is for an access key: hvx --access-key FILE token.")
        _, given = exchanged(context.access_key)
        context.terminal.say(given.access_token)


def whoami(context: Context, path: Path) -> None:
    """What `hvx whoami` says of an access key, which is tried."""
    key, given = exchanged(path)
    for line in (
        f"Account:     {key.account}",
        f"Server:      {key.origin}",
        f"Access key:  {key.key_id}",
        f"Device:      {key.device}",
        f"Scopes:      {given.scope}",
        f"Good until:  {key.expires_at}",
    ):
        context.terminal.say(line)


def exchanged(path: Path) -> tuple[AccessKey, access_keys.Token]:
    """The access key of a file and a token for it."""
    key = access_keys.read_file(path)
    with Api(key.origin) as api:
        try:
            return key, access_keys.exchange(api, key)
        except ApiError as error:
            if error.code == "device_revoked":
                raise Ending(Exit.DEVICE_REVOKED, "This access key was revoked.") from error
            raise

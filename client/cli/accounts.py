"""`hvx register`, `whoami`, `passwd` and `verify`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from client.api import Api
from client.backup import write_back_up
from client.cli import access_keys
from client.cli.context import Context, one_sentence
from client.cli.exits import Ending, Exit
from client.cli.options import (
    DeviceName,
    KeyStore,
    Origin,
    PasswordFile,
    default_device_name,
    server_of,
    username_of,
)
from client.device import NotLoggedIn
from client.faults import Fault
from client.profile import ProfileFolder
from client.registration import Registration, register
from client.text import clean
from client.verification import Report, verify_account


def register_command(
    ctx: typer.Context,
    origin: Origin = None,
    username: Annotated[str | None, typer.Option("--username", "-u", help="1 to 30 of a-z, 0-9, _.")] = None,
    email: Annotated[
        str | None, typer.Option("--email", "-e", help="For logging in; nobody sees it.")
    ] = None,
    password_file: PasswordFile = None,
    backup: Annotated[
        Path | None, typer.Option("--backup", help="Write the back-up of the account key to this new file.")
    ] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="Encrypt the back-up by the passphrase in this file.")
    ] = None,
    invite: Annotated[
        str | None, typer.Option("--invite", help="The invite, where the server wants one.")
    ] = None,
    device_name: DeviceName = None,
    keyring: KeyStore = False,
) -> None:
    """Make an account: its key is made on this device and never leaves your devices."""
    context: Context = ctx.obj
    terminal = context.terminal
    with one_sentence(terminal):
        # Each judged where it is given, before a password is asked for.
        server = server_of(origin or terminal.ask("Server (https://...):"))
        name = username_of(username or terminal.ask("Username:"))
        wanted = Registration(
            origin=server,
            username=name,
            email=email or terminal.ask("E-mail address:"),
            password=context.new_password(password_file, "Password:"),
            device_name=device_name or default_device_name(),
            invite=invite,
            key_store="keyring" if keyring else "file",
        )

        def keep(account: str, private_key: str) -> None:
            keep_back_up(context, account, private_key, backup, passphrase_file)

        device = register(wanted, ProfileFolder(context.home), context.gnupg_home, keep)
        device.close()
        terminal.say(f"Account key: {device.profile.fingerprint}")
        terminal.say(f"Registered {device.profile.account}; this is its first device.")


def keep_back_up(
    context: Context, account: str, private_key: str, file: Path | None, passphrase_file: Path | None
) -> None:
    """Write the back-up of a new account key; where the user was asked for it, insist on it."""
    terminal = context.terminal
    asked = file is None
    if file is None:
        terminal.say(f"The key of {account} is on this device only. If it is lost with all your devices,")
        terminal.say("nobody can bring back the account or open its files. Make a back-up now.")
        file = Path(terminal.ask("Write the back-up to the file:")).expanduser()
    passphrase = back_up_passphrase(context, passphrase_file, asked=asked or terminal.person)
    write_back_up(file, private_key, passphrase)
    terminal.say(f"The back-up is in {file}{'' if passphrase else ', unencrypted'}.")
    if asked:
        answer = terminal.ask("Copy it to a safe place off this device. Type yes when that is done:")
        if answer.strip().lower() != "yes":
            raise Ending(
                Exit.CANCELLED, "Nothing was told to the server: an account needs a back-up of its key."
            )


def back_up_passphrase(context: Context, file: Path | None, *, asked: bool) -> str | None:
    """The passphrase of a back-up; None where it is to be in clear."""
    if file is not None:
        return context.password(file)
    if not asked:
        return None
    return context.new_password(None, "Passphrase for the back-up (empty for none):") or None


def whoami(ctx: typer.Context) -> None:
    """Say which account and device this is, or what an access key may do."""
    context: Context = ctx.obj
    if context.access_key is not None:
        with one_sentence(context.terminal):
            access_keys.whoami(context, context.access_key)
        return
    with one_sentence(context.terminal), context.device("active", "pending") as device:
        answer: Any = device.renew_token()
        state = "active" if answer.get("state") == "active" else "pending"
        profile = device.profile
        for line in (
            f"Account:     {profile.account}",
            f"Server:      {profile.origin}",
            f"Account key: {profile.fingerprint}",
            f"Device:      {profile.device}",
            f"Device name: {profile.device_name}",
            f"State:       {state}",
            f"Key here:    {'yes' if device.has_account_key() else 'no'}",
        ):
            context.terminal.say(line)


def verify(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="username, or username@host of another server.")],
    fingerprint: Annotated[
        str | None, typer.Option("--fingerprint", help="The account key's, which you have from elsewhere.")
    ] = None,
    origin: Origin = None,
) -> None:
    """Check every certificate and revocation that a server publishes of an account."""
    context: Context = ctx.obj
    with one_sentence(context.terminal):
        profile = ProfileFolder(context.home).load()
        server, username = _server_of(user, origin, profile.origin if profile else None)
        if fingerprint is None and profile is not None:
            # One's own account is checked against the key that is here.
            own = (profile.origin, profile.username) == (server, username) and profile.state == "active"
            fingerprint = profile.fingerprint if own else None
        with Api(server) as api:
            report = verify_account(api, username, fingerprint)
        _tell(context, report, trusted=fingerprint is not None)


def _server_of(user: str, origin: str | None, own: str | None) -> tuple[str, str]:
    username, _, host = user.removeprefix("@").partition("@")
    server = server_of(origin) if origin else own
    if host and (server is None or server.partition("://")[2] != host):
        server = server if origin else server_of(f"https://{host}")
    if server is None:
        raise NotLoggedIn("Say which server is meant: give USER as username@host, or --origin.")
    if host and server.partition("://")[2] != host:
        raise Fault("The account is not of that server.")
    return server, username_of(username)


def _tell(context: Context, report: Report, *, trusted: bool) -> None:
    terminal = context.terminal
    for finding in report.findings:
        terminal.say(
            f"{'good' if finding.good else 'BAD '}  {clean(finding.subject, 50)}  {finding.what}",
            style=None if finding.good else "red",
        )
    if not report.good:
        raise Ending(Exit.NOT_VERIFIED, f"What the server publishes of {report.account} does not hold.")
    terminal.say(f"Every certificate and revocation of {report.account} holds under {report.fingerprint}.")
    if not trusted:
        terminal.say("Compare that fingerprint with its owner, by another way than this server.")

"""`hvx passwd`."""

from pathlib import Path
from typing import Annotated

import typer

from client.api import Api
from client.backup import read_back_up
from client.cli.context import Context, one_sentence
from client.cli.options import Origin, PasswordFile, server_of, username_of
from client.faults import Fault
from client.gnupg import throwaway_home
from client.reset import reset_password

# By the warnings of `POST me/password`.
_STAYS = {
    "other_devices_stay_signed_in": "Your other devices stay logged in; hvx revoke ends one that was lost.",
    "passkeys_stay": "Your passkeys still log in; remove one that was lost where you added it.",
    "access_keys_stay": (
        "Your access keys stay in force; hvx access-key list shows them, and hvx access-key revoke ends one."
    ),
}

NewPasswordFile = Annotated[Path | None, typer.Option(help="The file with the new password.")]


def passwd(
    ctx: typer.Context,
    password_file: PasswordFile = None,
    new_password_file: NewPasswordFile = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Without the present password, by the account key.")
    ] = False,
    backup: Annotated[
        Path | None, typer.Option("--backup", help="With --reset: the account key is in this back-up only.")
    ] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="Holds the back-up's passphrase.")] = None,
    origin: Origin = None,
    username: Annotated[
        str | None, typer.Option("--username", "-u", help="With --backup: whose password.")
    ] = None,
) -> None:
    """Change the password; it ends no device."""
    context: Context = ctx.obj
    with one_sentence(context.terminal):
        if backup is not None and not reset:
            raise Fault("A back-up is for --reset.")
        if backup is None and (origin or username):
            raise Fault("--origin and --username are for --reset with --backup; else the profile knows them.")
        if backup is not None:
            _reset_by_back_up(context, backup, passphrase_file, new_password_file, origin, username)
        elif reset:
            _reset(context, new_password_file)
        else:
            _change(context, password_file, new_password_file)
        context.terminal.say("The password is changed.")


def _change(context: Context, password_file: Path | None, new_password_file: Path | None) -> None:
    with context.device() as device:
        device.renew_token()
        body = {
            "password": context.password(password_file, "Present password:"),
            "new_password": context.new_password(new_password_file, "New password:"),
        }
        answer = device.api.post("me/password", body)
    for sentence in what_stays(answer):
        context.terminal.say(sentence)


def what_stays(answer: object) -> list[str]:
    """What the server says stays good under the new password, a sentence each, for the words known here."""
    told = answer.get("warnings") if isinstance(answer, dict) else None
    return [sentence for word, sentence in _STAYS.items() if isinstance(told, list) and word in told]


def _reset(context: Context, new_password_file: Path | None) -> None:
    with context.device("active", "pending") as device:
        if not device.has_account_key():
            raise Fault("The account key is not on this device; give your back-up with --backup.")
        password = context.new_password(new_password_file, "New password:")
        profile = device.profile
        reset_password(device.api, device.home, profile.username, profile.fingerprint, password)


def _reset_by_back_up(
    context: Context,
    backup: Path,
    passphrase_file: Path | None,
    new_password_file: Path | None,
    origin: str | None,
    username: str | None,
) -> None:
    server = server_of(origin or context.terminal.ask("Server (https://...):"))
    name = username_of(username or context.terminal.ask("Username:"))
    private_key = read_back_up(backup, lambda: context.password(passphrase_file, "Passphrase:"))
    with throwaway_home() as home, Api(server) as api:
        fingerprint = home.take_secret(private_key)
        password = context.new_password(new_password_file, "New password:")
        reset_password(api, home, name, fingerprint, password)

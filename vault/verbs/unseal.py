"""Open the vault of a running server: by what opens by itself, by the passphrase, or by shares."""

import getpass
import itertools
import sys
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from vault import control
from vault.memory import core_dumps_off

NAME = "unseal"
PROMPTS = {
    "share": "Share, its words (not shown; Enter alone waits for others): ",
    "passphrase": "Passphrase (not shown): ",
}
TRIES = 3


def add_to(parser: CommandParser) -> None:
    by = parser.add_mutually_exclusive_group()
    by.add_argument("--share", action="store_const", dest="by", const="share", help="bring shares")
    by.add_argument("--passphrase", action="store_const", dest="by", const="passphrase", help="bring it")
    by.add_argument("--itself", action="store_const", dest="by", const="itself", help="by key file, keyring…")
    given = parser.add_mutually_exclusive_group()
    given.add_argument("--stdin", action="store_const", dest="fd", const=0, help="a secret a line")
    given.add_argument("--fd", type=int, help="the same from this descriptor")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    core_dumps_off()
    try:
        _unseal(command, options)
    except control.NoServer as nobody:
        raise CommandError(str(nobody)) from None


def _unseal(command: BaseCommand, options: dict[str, Any]) -> None:
    status = _ask(do="status")
    if status["state"] != "sealed":
        command.stdout.write(f"The server is not sealed: it is {status['state']}.")
        return
    if "trouble" in status:
        raise CommandError(status["trouble"])
    by = options["by"] or _only_way(status["wants"])
    if by == "itself":
        status = _ask(do="unseal", by=by)
        if "error" in status:
            raise CommandError(status["error"])
    elif options["fd"] is not None:
        status = _bring(command, by, _lines(options["fd"]))
    else:
        status = _bring(command, by, _typed(by))
        if status["state"] == "sealed" and by == "share":
            status = _wait_for_others(command)
    for number in status.get("forged", ()):
        command.stderr.write(f"Share {number} as it was brought is forged: it is not of this vault's key.")
    if status["state"] == "serving":
        command.stdout.write("The vault is open, and the server serves.")


def _ask(**request: Any) -> dict[str, Any]:
    return control.outcome(settings.HVX_DATA_DIR, **request)


def _only_way(wants: list[str]) -> str:
    if len(wants) > 1:
        raise CommandError("this vault opens by shares and by a passphrase: say --share or --passphrase.")
    return {(): "itself", ("shares",): "share", ("passphrase",): "passphrase"}[tuple(wants)]


def _bring(command: BaseCommand, by: str, secrets: Iterator[str]) -> dict[str, Any]:
    """Bring one secret after another until the server serves or there are no more.

    Raises CommandError where the last one was refused.
    """
    status: dict[str, Any] = {"error": "no secret was given"}
    for secret in secrets:
        status = _ask(do="unseal", by=by, answer=secret)
        if "error" in status:
            command.stderr.write(f"The vault stays sealed: {status['error']}")
        elif status["state"] == "serving":
            return status
        else:
            command.stdout.write(_progress(status))
    if "error" in status:
        raise CommandError("the vault is still sealed.")
    return status


def _wait_for_others(command: BaseCommand) -> dict[str, Any]:
    """Tell of the shares that others bring. Ctrl-C leaves, and what was brought stays."""
    seen = 0
    try:
        command.stdout.write("Waiting for the others; Ctrl-C leaves, and what was brought stays.")
        for status in control.ask(settings.HVX_DATA_DIR, do="watch"):
            if status["state"] == "serving":
                return status
            if status["have"] != seen:
                seen = status["have"]
                command.stdout.write(_progress(status))
    except KeyboardInterrupt:
        command.stdout.write("")
    return {"state": "sealed"}


def _progress(status: dict[str, Any]) -> str:
    told = f"{status['have']} of the {status['need']} shares that open the vault are here."
    if status["have"] < status["need"]:
        return told
    return f"{told} They do not open it: one of them is forged, and another one is wanted."


def _lines(descriptor: int) -> Iterator[str]:
    with open(descriptor, encoding="utf-8", closefd=False) as source:
        for line in source:
            if line.strip():
                yield line.strip("\r\n")


def _typed(by: str) -> Iterator[str]:
    """What is typed at the terminal, until nothing is; a passphrase has three tries."""
    if not sys.stdin.isatty():
        raise CommandError("there is no terminal to ask at: use --stdin or --fd.")
    tries = range(TRIES) if by == "passphrase" else itertools.count()
    for _ in tries:
        secret = getpass.getpass(PROMPTS[by])
        if not secret.strip():
            return
        yield secret

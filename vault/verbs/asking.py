"""Secrets in and out of a verb: by the terminal, standard input or a descriptor, never by its arguments."""

import getpass
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connection

from audit.errors import AuditUnavailable
from vault import attempts, keys, vaultfile
from vault.errors import Sealed, VaultFileDamaged
from vault.memory import core_dumps_off
from vault.protectors import passphrase, shares, unattended
from vault.protectors.shares import Split, WrongShare
from vault.unsealing import Unsealing, WrongPassphrase
from vault.vaultfile import Vault

_TRIES = 5
# No passphrase is that long, and no share that short.
_WORDS_OF_A_SHARE = 20


def add_to(parser: CommandParser) -> None:
    """Declare where a script's secrets come from."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--stdin", action="store_true", help="read secrets from standard input, one a line")
    source.add_argument("--fd", type=int, metavar="N", help="read secrets from this descriptor, one a line")


def open_vault(command: BaseCommand, options: dict[str, Any]) -> None:
    """Open the vault for a command that reads. Raises CommandError in an empty place, Sealed."""
    core_dumps_off()
    if keys.held():
        return
    if not keys.vault_path().exists() and not _has_embedded_database():
        raise CommandError(
            f"nothing is here: there is no vault in {settings.HVX_DATA_DIR}. Is HVX_DATA_DIR right? "
            "A new server begins by manage.py migrate"
        )
    Asking(command, options).opened()


def open_and_join(command: BaseCommand, options: dict[str, Any]) -> None:
    """Open the vault for a command that writes, and move the attempts to open it into the audit.

    Or a command that is run every night would fill their record until the next start. Where that cannot
    be now, they stay in it. Raises what `open_vault` raises.
    """
    open_vault(command, options)
    with suppress(AuditUnavailable, Sealed, Error):
        attempts.join_audit()


def _has_embedded_database() -> bool:
    return connection.vendor == "sqlite" and Path(connection.settings_dict["NAME"]).exists()


class Asking:
    """Where this run's secrets come from. Several are read in the order in which they are asked for."""

    def __init__(self, command: BaseCommand, options: dict[str, Any]) -> None:
        self._command = command
        self._lines: TextIO | None = None
        self._shown: list[Mapping[str, int | str]] = []
        if options.get("stdin"):
            self._lines = sys.stdin
        elif options.get("fd") is not None:
            try:
                # A copy: the descriptor stays its owner's.
                self._lines = open(os.dup(options["fd"]), encoding="utf-8")  # noqa: SIM115
            except OSError as error:
                raise CommandError(f"--fd {options['fd']}: {error.strerror}") from None

    @property
    def by_hand(self) -> bool:
        """Whether a person types."""
        return self._lines is None

    def secret(self, prompt: str) -> str:
        """Return what is typed, unseen, or the next line. Raises CommandError where there is none."""
        if self._lines is not None:
            line = self._lines.readline()
            if not line:
                raise CommandError(f"the input has ended before this was read: {prompt}")
            return line.rstrip("\r\n")
        if not sys.stdin.isatty():
            raise CommandError(f"nobody can be asked for this here: {prompt} (see --stdin and --fd)")
        try:
            return getpass.getpass(f"{prompt}: ")
        except (EOFError, KeyboardInterrupt):
            raise CommandError("nothing was done") from None

    def opened(self) -> Vault:
        """Return the vault: by what opens it by itself, else by a passphrase or shares that are asked for."""
        if not keys.held():
            try:
                vault = unattended.open_vault()
            except VaultFileDamaged:
                raise
            except Sealed:
                unsealing = Unsealing(keys.vault_path())
                if not unsealing.wants:
                    raise
                vault = self.by_people(unsealing)
            keys.take(vault)
        return keys.opened()

    def new_passphrase(self, prompt: str = "New passphrase") -> str:
        """Return a passphrase that is long enough, typed twice where a person types."""
        while True:
            first = self.secret(prompt)
            if len(first) < passphrase.SHORTEST:
                self._again(f"A passphrase has at least {passphrase.SHORTEST} characters.")
            elif self.by_hand and self.secret("Once more") != first:
                self._again("These two are not the same.")
            else:
                return first

    def show(self, split: Split) -> None:
        """Show new shares, and have a person type one of them back before they come into force."""
        say = self._command.stdout.write
        threshold, count = split.parameters["threshold"], split.parameters["count"]
        self._shown.append(split.parameters)
        say(f"Any {threshold} of these {count} shares will open the vault. They are shown once, now.")
        for number, share in enumerate(split.shares, 1):
            say(f"share {number}: {share}")
        self._command.stdout.flush()
        if not self.by_hand:
            return
        number = secrets.randbelow(len(split.shares)) + 1
        while True:
            try:
                if shares.read(self.secret(f"Write them down, then type share {number} back")) == shares.read(
                    split.shares[number - 1]
                ):
                    return
                self._again("This is another share.")
            except WrongShare as wrong:
                self._again(f"{wrong}.")

    @contextmanager
    def telling_void(self) -> Iterator[None]:
        """Where this fails after shares were shown, say what those are worth: the vault's file decides."""
        try:
            yield
        except BaseException:
            for parameters in self._shown:
                if parameters in _sets_of_shares():
                    fate = (
                        "may open the vault: keep them and the former ones until `vault status` names one set"
                    )
                else:
                    fate = "are void: they open nothing"
                self._command.stderr.write(f"It failed. The shares that were shown {fate}.")
            raise

    def by_people(self, unsealing: Unsealing) -> Vault:
        """Return the vault that a passphrase or shares open. Raises CommandError, Sealed."""
        wants = {"passphrase": "Passphrase", "shares": "Share"}
        prompt = " or ".join(wants[kind] for kind in unsealing.wants)
        tries = 0
        while tries < _TRIES:
            text = self.secret(prompt)
            try:
                if passphrase.KIND in unsealing.wants and len(text.split()) < _WORDS_OF_A_SHARE:
                    return unsealing.passphrase(text)
                progress = unsealing.offer(text)
                for number in progress.forged:
                    self._command.stderr.write(f"Share {number} as it was brought is forged.")
                if progress.vault is not None:
                    return progress.vault
                self._command.stderr.write(f"{progress.have} of {progress.need} shares.")
                tries = 0
            except (WrongPassphrase, WrongShare) as wrong:
                if isinstance(wrong, WrongShare) and wrong.kept:
                    # The next one may open, in a script too.
                    self._command.stderr.write(f"{wrong}.")
                    continue
                tries += 1
                self._again(f"{wrong}.")
        raise CommandError("the vault was not opened")

    def _again(self, reason: str) -> None:
        """Tell a person, who may try again; a script that is wrong will not be right the second time."""
        if not self.by_hand:
            raise CommandError(reason.rstrip("."))
        self._command.stderr.write(reason)


def _sets_of_shares() -> list[Mapping[str, int | str]]:
    """Return the parameters of each set of shares that the vault's file is protected by."""
    try:
        bodies = vaultfile.read(keys.vault_path()).bodies
    except Sealed:
        return []
    return [each.parameters for body in bodies for each in body.protectors if each.kind == shares.KIND]


def at_terminal(path: Path) -> Vault:
    """Open the vault for a command that is not one of the vault's own, at a terminal."""
    return Asking(BaseCommand(), {}).by_people(Unsealing(path))

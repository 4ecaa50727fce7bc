"""What every command shares: where the profile is, the terminal, and how commands end."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import typer

from client.cli.exits import Ending, Exit, ending_of, ending_of_fault
from client.cli.terminal import Terminal
from client.device import ThisDevice, open_device
from client.faults import Fault
from client.handoff import Withheld
from client.protocol.reasons import Refused

MAX_PASSWORD_FILE = 4096


@dataclass(slots=True)
class Context:
    """The options before the command's name."""

    home: Path
    gnupg_home: Path | None
    access_key: Path | None = None
    terminal: Terminal = field(default_factory=Terminal)

    @contextmanager
    def device(self, *states: str) -> Iterator[ThisDevice]:
        """The device of this profile, closed afterwards."""
        device = open_device(self.home, self.gnupg_home, states=states or ("active",))
        try:
            yield device
        finally:
            device.close()

    def password(self, file: Path | None, question: str = "Password:") -> str:
        """From a file's first line, or typed unseen; never from the command line."""
        if file is None:
            return self.terminal.ask_secret(question)
        try:
            with file.open("rb") as opened:
                return opened.read(MAX_PASSWORD_FILE).decode().splitlines()[0]
        except (OSError, IndexError, UnicodeDecodeError) as fault:
            raise Fault(f"{file} holds no password.") from fault

    def new_password(self, file: Path | None, question: str) -> str:
        """The same, asked twice where a person types it."""
        password = self.password(file, question)
        asked = file is None and self.terminal.person and password != ""
        if asked and self.terminal.ask_secret("Again:") != password:
            raise Fault("The two are not the same.")
        return password


@contextmanager
def one_sentence(terminal: Terminal) -> Iterator[None]:
    """Whatever happens inside ends in one clear sentence and its exit code."""
    try:
        yield
        return
    except Ending as ending:
        told = ending
    except Refused as refused:
        told = ending_of(refused.reason, "self")
    except (Withheld, KeyboardInterrupt, asyncio.CancelledError):
        told = Ending(Exit.CANCELLED, "You cancelled.")
    except (Fault, ValueError) as fault:
        told = ending_of_fault(fault)
    except OSError as fault:
        named = "" if fault.filename is None else f"{fault.filename}: "
        told = Ending(Exit.FAILED, f"{named}{fault.strerror or type(fault).__name__}.")
    except Exception as fault:
        # Its kind alone: what else it holds may be anything, a secret too.
        told = Ending(Exit.FAILED, f"hvx failed by a mistake of its own ({type(fault).__name__}).")
    finally:
        terminal.wait_no_more()
    terminal.say(told.sentence, style=None if told.exit_code is Exit.DONE else "red")
    raise typer.Exit(int(told.exit_code))

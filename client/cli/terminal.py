"""The terminal: what is shown, and what is typed, from a person, a pipe or a script alike."""

import asyncio
import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.status import Status
from rich.text import Text

from client.handoff import Withheld


class Terminal:
    """Lines out by rich, lines in from a file descriptor.

    Everything typed is read here and unbuffered, so that a question can be withdrawn while it
    stands, and no line of a script is lost between two questions.
    """

    def __init__(self, descriptor: int = 0, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._in = descriptor
        self._typed = b""
        self._status: Status | None = None
        self._asking = False

    @property
    def person(self) -> bool:
        """Whether somebody sits there, rather than a script."""
        return os.isatty(self._in) and sys.stdout.isatty()

    # Out

    def say(self, text: str, *, style: str | None = None) -> None:
        """One line, exactly as it is: markup in it means nothing."""
        self.wait_no_more()
        self.console.print(text, style=style, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def show(self, shown: RenderableType) -> None:
        """Something that rich draws, such as a table of cleaned texts."""
        self.wait_no_more()
        self.console.print(shown, soft_wrap=not self.console.is_terminal)

    def wait_for(self, text: str) -> None:
        """Say what is waited for, until something else is said or asked."""
        self.wait_no_more()
        if self.console.is_terminal:
            self._status = self.console.status(Text(text))
            self._status.start()
        else:
            self.console.print(text, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def wait_no_more(self) -> None:
        """The wait is over; and so is a question that was not answered."""
        if self._asking:
            self._asking = False
            self.console.print()
        if self._status is not None:
            self._status.stop()
            self._status = None

    # In

    def ask(self, question: str) -> str:
        """One line; `Withheld` at the end of the input."""
        return self._ask(question, echoed=os.isatty(self._in))

    def ask_secret(self, question: str) -> str:
        """One line that is not shown while it is typed."""
        with _unseen(self._in):
            return self._ask(question, echoed=False)

    async def ask_meanwhile(self, question: str) -> str:
        """One line, while other things go on; may be cancelled. At a terminal, what was typed
        before the question stood there is no answer to it."""
        self._drop_typed_ahead()
        self._put(question)
        while (line := self._line()) is None:
            await _readable(self._in)
            self._more(os.read(self._in, 4096))
        self._answered(echoed=os.isatty(self._in))
        return line

    def _ask(self, question: str, *, echoed: bool) -> str:
        self._put(question)
        while (line := self._line()) is None:
            self._more(os.read(self._in, 4096))
        self._answered(echoed=echoed)
        return line

    def _answered(self, *, echoed: bool) -> None:
        # Where the answer was echoed, so was the end of its line.
        self._asking = not echoed
        self.wait_no_more()

    def _drop_typed_ahead(self) -> None:
        # Consent to what nobody has read yet is none.
        if os.isatty(self._in):
            self._typed = b""
            termios.tcflush(self._in, termios.TCIFLUSH)

    def _put(self, question: str) -> None:
        self.wait_no_more()
        self.console.print(question, end=" ", markup=False, emoji=False, highlight=False, soft_wrap=True)
        self.console.file.flush()
        self._asking = True

    def _more(self, raw: bytes) -> None:
        if not raw and not self._typed:
            raise Withheld
        self._typed += raw or b"\n"

    def _line(self) -> str | None:
        line, found, rest = self._typed.partition(b"\n")
        if not found:
            return None
        self._typed = rest
        return line.decode(errors="replace").strip("\r")


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    try:
        loop.add_reader(descriptor, lambda: None if ready.done() else ready.set_result(None))
    except PermissionError:
        # A plain file, which the system's poll does not take, can always be read.
        return
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


@contextmanager
def _unseen(descriptor: int) -> Iterator[None]:
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    silent = termios.tcgetattr(descriptor)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

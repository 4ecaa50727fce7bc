"""Plays a person before a terminal: runs a command in a pseudo-terminal or over pipes, reads, types.

Serves tests and the demo, so it imports neither pytest nor Django.
"""

import os
import pty
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

REPOSITORY = Path(__file__).resolve().parent.parent
HVX = [sys.executable, "-m", "client"]
PATIENCE = 60.0

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\r")

Listener = Callable[[str], None]


class Silence(AssertionError):
    """What was waited for did not come; the message holds what did."""


class Command:
    """A running `hvx`. `said` is everything it wrote, without the terminal's control sequences."""

    def __init__(
        self,
        *arguments: str,
        home: Path,
        terminal: bool = False,
        env: Mapping[str, str] | None = None,
        listener: Listener | None = None,
    ) -> None:
        whole = {name: value for name, value in os.environ.items() if not name.startswith("HVX_")}
        whole |= {
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(REPOSITORY),
            "HVX_HOME": str(home),
            "COLUMNS": "200",
        }
        whole |= dict(env or {})
        self.said = ""
        self._seen = 0
        self._listener = listener
        if terminal:
            self._reading, ours = pty.openpty()
            self._writing = self._reading
            back, out = ours, ours
        else:
            self._reading, out = os.pipe()
            back, self._writing = os.pipe()
        self._process = subprocess.Popen(
            [*HVX, *arguments],
            cwd=home.parent,
            env=whole,
            start_new_session=True,
            stdin=back,
            stdout=out,
            stderr=out,
        )
        for stream in {back, out}:
            os.close(stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def hear(self, pattern: str, patience: float = PATIENCE) -> re.Match[str]:
        """Wait until it says something that fits, behind what was heard before."""
        deadline = time.monotonic() + patience
        while not (found := re.compile(pattern).search(self.said, self._seen)):
            if not self._read(deadline - time.monotonic()):
                raise Silence(f"waited for {pattern!r}, heard:\n{self.said}")
        self._seen = found.end()
        return found

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._writing, text.encode() + b"\n")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def end(self, patience: float = PATIENCE) -> int:
        """Wait for its end; its exit code."""
        deadline = time.monotonic() + patience
        while self._read(deadline - time.monotonic()):
            pass
        try:
            return self._process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            raise Silence(f"does not end; said:\n{self.said}") from None

    def last_line(self) -> str:
        """The last thing it said."""
        lines = self.said.strip().splitlines()
        return lines[-1].strip() if lines else ""

    def close(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for stream in {self._reading, self._writing}:
            with suppress(OSError):
                os.close(stream)

    def _read(self, patience: float) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(self._reading, selectors.EVENT_READ)
            if not selector.select(max(patience, 0)):
                return False
        try:
            raw = os.read(self._reading, 65536)
        except OSError:
            # A pseudo-terminal whose other side has closed.
            return False
        fresh = _CONTROL.sub("", raw.decode(errors="replace"))
        self.said += fresh
        if self._listener is not None and fresh:
            self._listener(fresh)
        return bool(raw)


def run(
    *arguments: str,
    home: Path,
    typed: str = "",
    env: Mapping[str, str] | None = None,
    listener: Listener | None = None,
) -> tuple[int, str]:
    """A command from start to end, with all its input given; exit code and what it said."""
    with Command(*arguments, home=home, env=env, listener=listener) as command:
        if typed:
            command.type(typed.removesuffix("\n"))
        return command.end(), command.said

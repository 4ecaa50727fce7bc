"""A client under test, as the kit talks to it: commands in, events out, both JSON objects."""

import asyncio
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from tests.hostile.world import Role

Body = dict[str, Any]
Hear = Callable[[Body], None]

PATIENCE = 10.0
"""Seconds that a client has to end after `quit`."""

MAX_LINE = 1024 * 1024


class Player(Protocol):
    """One client in one role, for one attack."""

    async def start(self, role: Role, hear: Hear) -> None:
        """Begin; events go to `hear`."""

    def send(self, command: Body) -> None:
        """Give a command."""

    async def stop(self) -> None:
        """End, with everything that was started."""


class Program:
    """A client as a program of its own: a command line, with JSON lines on its standard streams."""

    def __init__(self, command: str) -> None:
        self._command: Sequence[str] = shlex.split(command)
        self._home = ""
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []

    async def start(self, role: Role, hear: Hear) -> None:
        self._home = tempfile.mkdtemp(prefix="hvx-hostile-")
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MAX_LINE,
            start_new_session=True,
            env=os.environ | {"HVX_HOSTILE_ROLE": role, "HVX_HOSTILE_HOME": self._home},
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = [
            asyncio.create_task(self._read(self._process.stdout, hear)),
            asyncio.create_task(_overhear(self._process.stderr, hear)),
        ]

    def send(self, command: Body) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def stop(self) -> None:
        try:
            if self._process is not None:
                await self._end(self._process)
        finally:
            shutil.rmtree(self._home, ignore_errors=True)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        self.send({"do": "quit"})
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE)
        except TimeoutError:
            # The group is the one that start() made for this program, which still leads it.
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        # What the program started may hold its streams open for longer than it lives.
        _, reading = await asyncio.wait(self._readers, timeout=PATIENCE)
        for task in reading:
            task.cancel()

    async def _read(self, stream: asyncio.StreamReader, hear: Hear) -> None:
        while line := await stream.readline():
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "screen", "text": line.decode(errors="replace")}
            hear(event)
        hear({"event": "gone"})


class OwnClient:
    """This project's client, in this process."""

    def __init__(self, *, lacks: str | None = None) -> None:
        self._lacks = lacks
        self._home = ""
        self._commands: asyncio.Queue[Body] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self, role: Role, hear: Hear) -> None:
        from tests.hostile.adapter import Adapter

        self._home = tempfile.mkdtemp(prefix="hvx-hostile-")
        adapter = Adapter(Path(self._home), hear, lacks=self._lacks)
        self._task = asyncio.create_task(adapter.run(self._commands.get))

    def send(self, command: Body) -> None:
        self._commands.put_nowait(command)

    async def stop(self) -> None:
        self.send({"do": "quit"})
        if self._task is not None:
            await self._task
        shutil.rmtree(self._home, ignore_errors=True)


async def _overhear(stream: asyncio.StreamReader, hear: Hear) -> None:
    while line := await stream.readline():
        hear({"event": "screen", "text": line.decode(errors="replace")})


def own_command(*, lacks: str | None = None) -> str:
    """The command line of this project's adapter."""
    words = [sys.executable, "-m", "tests.hostile.adapter"]
    return shlex.join([*words, "--without", lacks] if lacks else words)

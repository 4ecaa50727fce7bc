"""A process that the master has started, as the master sees it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from hvx.serving import LONGEST_MESSAGE
from vault.memory import LockedBytes

ROOT_KEY_BYTES = 32
_SOURCES = str(Path(__file__).resolve().parent.parent.parent)


class Child:
    """`python -m hvx.serving.NAME`, with a link to here. Made within the master's loop.

    `ended` is set once the process is no more; `status` is then what it ended with.
    """

    def __init__(self, name: str, process: subprocess.Popen[bytes], link: socket.socket) -> None:
        self.name = name
        self.process = process
        self.ended = asyncio.Event()
        self._link = link
        self._descriptor = os.pidfd_open(process.pid)
        asyncio.get_running_loop().add_reader(self._descriptor, self._reap)

    @classmethod
    def start(cls, name: str, *options: str, listener: socket.socket | None = None, **passed: int) -> Self:
        """Start it with `listener` and the descriptors of `passed`, each told by an option of its name."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        descriptors = {"link": theirs.fileno(), **passed}
        if listener is not None:
            descriptors["listener"] = listener.fileno()
        command = [sys.executable, "-P", "-m", f"hvx.serving.{name}", *options]
        for option, descriptor in descriptors.items():
            command += [f"--{option}", str(descriptor)]
        search = os.pathsep.join(filter(None, (_SOURCES, os.environ.get("PYTHONPATH", ""))))
        with theirs, _deaf_to_interrupts():
            process = subprocess.Popen(
                command,
                env={**os.environ, "PYTHONPATH": search},
                stdin=subprocess.DEVNULL,
                pass_fds=tuple(descriptors.values()),
            )
        ours.setblocking(False)
        return cls(name, process, ours)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def status(self) -> int | None:
        return self.process.returncode

    async def hear(self) -> dict[str, Any] | None:
        """Return its next message, None once it has ended or closed its link."""
        with contextlib.suppress(ConnectionResetError):
            message = await asyncio.get_running_loop().sock_recv(self._link, LONGEST_MESSAGE)
            if message:
                heard: dict[str, Any] = json.loads(message)
                return heard
        return None

    def tell(self, **words: Any) -> None:
        """Send it a message; one that has ended hears nothing."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._link.send(json.dumps(words).encode())

    async def take_root(self) -> LockedBytes:
        """Return the root key that it hands up, which comes into the locked page and nowhere else."""
        root = LockedBytes(ROOT_KEY_BYTES)
        if await asyncio.get_running_loop().sock_recv_into(self._link, root.view) != ROOT_KEY_BYTES:
            raise ConnectionError("the root key did not come whole")
        return root

    def give_root(self, root: LockedBytes) -> None:
        """Hand it the root key."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._link.send(root.view)

    async def end(self, grace: float) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds. Returns when it is no more."""
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.ended.wait(), grace)
        except TimeoutError:
            self.kill()
            await self.ended.wait()
        self.close()

    def close(self) -> None:
        """Let go of the link. Not before it is heard to its end: what is said last says why."""
        self._link.close()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if not self.ended.is_set():
            signal.pidfd_send_signal(self._descriptor, number)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        self.process.wait()
        os.close(self._descriptor)
        self.ended.set()


@contextlib.contextmanager
def _deaf_to_interrupts() -> Any:
    """What is started within never sees SIGINT.

    A terminal sends Ctrl-C to the whole group. The master decides what it means, and for a child it
    must not come in the middle of its start.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

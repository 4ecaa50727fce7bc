"""The master: it holds the root key while the server is unsealed, and starts the processes that do the work.

One story, told by `_live`: prepare; serve until an operator seals; be sealed until one unseals; and so on
until SIGINT or SIGTERM. A child that dies is started again, a little later each time.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncGenerator, Callable
from typing import Any, NamedTuple

from django.conf import settings

from hvx.serving import figures, listening
from hvx.serving.child import Child
from hvx.serving.control import ControlSocket
from vault import attempts
from vault.errors import RootKeyError
from vault.memory import LockedBytes

# Longer than a worker's own grace, after which it cancels what it still does.
GRACE = 8.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
# A child that lived for so long died of something new.
_LONG_LIFE = 30.0


class StartFailed(Exception):
    """The server cannot serve; the text says why."""


class Unsealed(NamedTuple):
    """A server that serves: the root key, in its locked page, and those who work: the workers, which answer,
    and what is in the background."""

    root: LockedBytes
    workers: list[Child]


class Master:
    """Over two bound sockets. `say` tells the operator a sentence."""

    def __init__(
        self, listener: socket.socket, control: socket.socket, *, migrate: bool, say: Callable[[str], object]
    ) -> None:
        self._listener = listener
        self._control_listener = control
        self._control = ControlSocket(control, self._answers)
        self._migrate = migrate
        self._say = say
        self._state = "starting"
        self._children: set[Child] = set()
        self._seal_asked = asyncio.Event()
        self._sealed = asyncio.Event()

    async def run(self) -> None:
        """Serve until SIGINT or SIGTERM. Raises StartFailed."""
        life = asyncio.create_task(self._live())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._end, life)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await life
        finally:
            self._control.close()
            await self._end_all(self._children)

    def _end(self, life: asyncio.Task[None]) -> None:
        if self._state == "ending":
            # Asked for twice: no more patience.
            for child in self._children:
                child.kill()
        self._state = "ending"
        life.cancel()

    async def _live(self) -> None:
        await self._control.open()
        unsealed = await self._bring_up(None)
        while True:
            if unsealed is not None:
                await self._serve(unsealed)
            unsealed = await self._be_sealed()

    # --- unsealed ----------------------------------------------------------------------------

    async def _bring_up(self, root: LockedBytes | None) -> Unsealed | None:
        """Prepare and start the workers. Without a root key the vault is to open by itself.

        None where it waits for people. Raises StartFailed, and wipes the root key then.
        """
        options = ["--migrate"] if self._migrate else []
        prepare = self._start("prepare", *options, *(["--open"] if root is None else []))
        workers: list[Child] = []
        try:
            if root is not None:
                prepare.give_root(root)
            while (heard := await prepare.hear()) is not None:
                match heard["event"]:
                    case "root":
                        if root is not None:
                            root.wipe()
                        root = await prepare.take_root()
                        # They import while the other prepares, and do nothing before they have the root key.
                        workers = self._start_workers()
                    case "sealed":
                        if heard["reason"]:
                            self._say(f"The vault does not open by itself: {heard['reason']}.")
                        return None
                    case "failed":
                        raise StartFailed(heard["reason"])
                    case "prepared":
                        break
            await prepare.ended.wait()
            prepare.close()
            if prepare.status != 0 or root is None:
                raise StartFailed(f"what prepares a start ended with status {prepare.status}")
            self._listen()
            await self._hand_over(root, workers)
            return Unsealed(root, workers)
        except BaseException as error:
            await self._end_all({prepare, *workers})
            if root is not None:
                root.wipe()
            if isinstance(error, ConnectionError):
                raise StartFailed("what prepares a start ended in the middle of it") from None
            raise

    async def _hand_over(self, root: LockedBytes, workers: list[Child]) -> None:
        """Give the root key to workers that have just been started, and wait until all of them answer."""
        for worker in workers:
            worker.give_root(root)
        for worker in workers:
            if await worker.hear() is None:
                await worker.ended.wait()
                raise StartFailed(f"a {worker.name} process ended at its start with status {worker.status}")

    async def _serve(self, unsealed: Unsealed) -> None:
        """Keep the workers alive until an operator seals; then end them, and wipe the root key."""
        self._state = "serving"
        self._say(
            f"Hvx {settings.HVX_VERSION} at {settings.HVX_ORIGIN}, listening on "
            f"{settings.HVX_LISTEN} ({settings.HVX_WORKERS} worker"
            f"{'s' if settings.HVX_WORKERS > 1 else ''}, "
            f"{'cluster' if settings.CLUSTER else 'embedded'}). Ctrl-C ends it."
        )
        keepers = [asyncio.create_task(self._keep(worker, unsealed.root)) for worker in unsealed.workers]
        asked = asyncio.create_task(self._seal_asked.wait())
        try:
            done, _ = await asyncio.wait([asked, *keepers], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            self._state = "sealing"
            self._note_sealing()
        finally:
            for task in (asked, *keepers):
                task.cancel()
            await asyncio.gather(asked, *keepers, return_exceptions=True)
            await self._end_all(self._children)
            unsealed.root.wipe()

    def _note_sealing(self) -> None:
        """For the audit, which is written when the vault is open again. Sealing waits for no disk."""
        try:
            attempts.note("operator", attempts.SEALED)
        except RootKeyError as error:
            self._say(str(error))

    async def _keep(self, worker: Child, root: LockedBytes) -> None:
        """Start a worker again whenever it has ended."""
        pause = _FIRST_PAUSE
        while True:
            began = asyncio.get_running_loop().time()
            await worker.ended.wait()
            worker.close()
            lived = asyncio.get_running_loop().time() - began
            pause = _FIRST_PAUSE if lived > _LONG_LIFE else min(2 * pause, _LONGEST_PAUSE)
            self._say(f"A {worker.name} process ended with status {worker.status}; another takes its place.")
            await asyncio.sleep(pause)
            worker = self._start_one(worker.name)
            worker.give_root(root)

    def _start_workers(self) -> list[Child]:
        figures.begin()
        return [self._start_one(name) for name in ["worker"] * settings.HVX_WORKERS + ["background"]]

    def _start_one(self, name: str) -> Child:
        return self._start(name, listener=self._listener if name == "worker" else None)

    # --- sealed ------------------------------------------------------------------------------

    async def _be_sealed(self) -> Unsealed:
        """Have the sealed child answer, until it was told the root key and the workers answer instead."""
        self._state = "sealed"
        self._seal_asked.clear()
        self._listen()
        pause = _FIRST_PAUSE
        while True:
            self._control.close()
            child = self._start("sealed", listener=self._listener, control=self._control_listener.fileno())
            try:
                unsealed = await self._hear_sealed(child)
            finally:
                self._sealed.clear()
                await self._end_all({child})
                await self._control.open()
            if unsealed is not None:
                return unsealed
            self._say(f"The sealed process ended with status {child.status}; another takes its place.")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _hear_sealed(self, child: Child) -> Unsealed | None:
        """Bring the server up with the root key that the child hands up; None if the child has ended."""
        while (heard := await child.hear()) is not None:
            match heard["event"]:
                case "ready":
                    self._answers_sealed()
                case "root":
                    try:
                        unsealed = await self._bring_up_unless_sealed(child, await child.take_root())
                    except ConnectionError:
                        return None
                    except StartFailed as failed:
                        child.tell(verdict="failed", reason=str(failed))
                        continue
                    if unsealed is None:
                        self._note_sealing()
                        child.tell(verdict="sealed")
                        continue
                    child.tell(verdict="unsealed")
                    # It answers nobody on the public address any more once it has said so to the operator.
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(child.ended.wait(), GRACE)
                    return unsealed
        return None

    def _answers_sealed(self) -> None:
        self._sealed.set()
        self._say(
            f"Hvx {settings.HVX_VERSION} at {settings.HVX_ORIGIN} is sealed: it answers 503 at "
            f"{settings.HVX_LISTEN} until `manage.py vault unseal`. Ctrl-C ends it."
        )

    async def _bring_up_unless_sealed(self, child: Child, root: LockedBytes) -> Unsealed | None:
        """Bring the server up; None, with all ended and wiped, where an operator seals before it serves.

        Raises StartFailed.
        """
        bringing = asyncio.create_task(self._bring_up(root))
        hearing = asyncio.create_task(self._hear_seal(child))
        try:
            await asyncio.wait((bringing, hearing), return_when=asyncio.FIRST_COMPLETED)
            # A child that has ended does not keep the server from serving.
            if not hearing.done() or not hearing.result():
                return await bringing
        except asyncio.CancelledError:
            await self._abandon(bringing)
            raise
        finally:
            hearing.cancel()
        await self._abandon(bringing)
        return None

    async def _hear_seal(self, child: Child) -> bool:
        """Whether the child asks to seal, before it ends."""
        while (heard := await child.hear()) is not None:
            match heard["event"]:
                case "ready":
                    self._answers_sealed()
                case "seal":
                    return True
        return False

    async def _abandon(self, bringing: "asyncio.Task[Unsealed | None]") -> None:
        """End a bringing up, however far it is."""
        bringing.cancel()
        [brought] = await asyncio.gather(bringing, return_exceptions=True)
        if isinstance(brought, Unsealed):
            await self._end_all(set(brought.workers))
            brought.root.wipe()

    # --- the operator ------------------------------------------------------------------------

    async def _answers(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Answer a request to the control socket; while the server is sealed its child answers instead."""
        match request.get("do"):
            case "status":
                yield self._status()
            case "unseal" | "watch":
                yield self._status()
            case "seal" if self._state in ("serving", "sealing"):
                self._seal_asked.set()
                await self._sealed.wait()
                yield {"state": "sealed"}
            case "seal":
                yield {"error": f"the server is {self._state}"}
            case _:
                yield {"error": "a request is to do status, unseal, watch or seal"}

    def _status(self) -> dict[str, Any]:
        return {"state": self._state, "pid": os.getpid(), "workers": settings.HVX_WORKERS}

    # --- processes ---------------------------------------------------------------------------

    def _start(self, name: str, *options: str, **passed: Any) -> Child:
        self._children = {child for child in self._children if not child.ended.is_set()}
        child = Child.start(name, *options, **passed)
        self._children.add(child)
        return child

    async def _end_all(self, children: set[Child]) -> None:
        children = set(children)
        await asyncio.gather(*(child.end(GRACE) for child in children))
        self._children -= children

    def _listen(self) -> None:
        try:
            self._listener.listen(listening.BACKLOG)
        except OSError as error:
            raise StartFailed(
                f"HVX_LISTEN={settings.HVX_LISTEN}: {error.strerror}. Set another address."
            ) from None

"""Opens the vault with what operators bring over the control socket, and hands the root key up."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from hvx.serving.link import Link
from vault import attempts, keys
from vault.errors import Sealed
from vault.protectors import unattended
from vault.protectors.shares import WrongShare
from vault.unsealing import Progress, Unsealing, WrongPassphrase
from vault.vaultfile import Vault

log = logging.getLogger("hvx.vault")

LONGEST_ANSWER = 4096
# Of what an operator has sealed meanwhile nothing is opened.
SEALED_MEANWHILE = {"error": "the vault was sealed meanwhile: bring it again"}
UNKNOWN = {"error": "a request is to do status, watch, seal, or unseal by itself, passphrase or share"}


class Opener:
    """Answers operators while the server is sealed; one attempt at a time, however many they are.

    What was gathered stays when a wrong share comes. It goes with this process, once the vault is open, and
    when an operator seals.
    """

    def __init__(self, link: Link) -> None:
        # What the master made of a root key that it was handed.
        self.verdicts: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._serves = False
        # Whether a root key is with the master, and how often an operator has sealed.
        self._handed_up = False
        self._sealings = 0
        self._gone = asyncio.Event()
        self._link = link
        self._unsealing: Unsealing | None = None
        self._attempting = asyncio.Lock()
        # How often there was something new to tell.
        self._told = 0
        self._news = asyncio.Condition()

    async def leave(self) -> None:
        """Tell whoever waits that nobody is answered `sealed` on the public address any more."""
        self._gone.set()
        await self._tell_watchers()

    async def answers(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Answer a request of the control socket."""
        match request:
            case {"do": "status"}:
                yield self._status()
            case {"do": "seal"}:
                yield await self._seal()
            case {"do": "watch"}:
                async for told in self._watch():
                    yield told
            case {"do": "unseal", "by": "itself"}:
                yield await self._attempt(self._by_itself)
            case {"do": "unseal", "by": "passphrase", "answer": str(answer)} if _fits(answer):
                yield await self._attempt(lambda: self._gathered().passphrase(answer))
            case {"do": "unseal", "by": "share", "answer": str(answer)} if _fits(answer):
                yield await self._attempt(lambda: self._gathered().offer(answer))
            case _:
                yield UNKNOWN

    def _gathered(self) -> Unsealing:
        """The shares so far. Made late, so that a damaged vault file is told to whoever tries to open it."""
        if self._unsealing is None:
            self._unsealing = Unsealing(keys.vault_path())
        return self._unsealing

    def _by_itself(self) -> Vault:
        try:
            vault = unattended.open_vault()
        except Exception:
            attempts.note("itself", "refused")
            raise
        attempts.note("itself", "opened")
        return vault

    async def _attempt(self, opening: Callable[[], Vault | Progress]) -> dict[str, Any]:
        """Open, or gather one share more, in a thread; then have the master serve."""
        sealings = self._sealings
        async with self._attempting:
            if self._gone.is_set():
                # Somebody before has opened it, or the server ends.
                return {"state": "serving"} if self._serves else {"error": "the server ends"}
            if sealings != self._sealings:
                return SEALED_MEANWHILE
            try:
                found = await asyncio.to_thread(opening)
            except (WrongShare, WrongPassphrase, Sealed) as refused:
                if isinstance(refused, WrongShare) and refused.kept:
                    await self._tell_watchers()
                return {"error": str(refused), **self._progress()}
            except Exception as error:
                # Its text is not for a log: it may quote what was brought.
                log.exception("opening the vault failed")
                return {
                    "error": f"opening the vault failed ({type(error).__name__}); the server's log has more"
                }
            vault = found.vault if isinstance(found, Progress) else found
            if vault is not None and sealings != self._sealings:
                vault.root.wipe()
                return SEALED_MEANWHILE
            if vault is None:
                await self._tell_watchers()
                return self._status()
            outcome = await self._hand_up(vault)
            forged = found.forged if isinstance(found, Progress) else ()
            return {**outcome, "forged": list(forged)} if forged else outcome

    async def _hand_up(self, vault: Vault) -> dict[str, Any]:
        self._link.give_root(vault.root)
        vault.root.wipe()
        self._handed_up = True
        verdict = await self.verdicts.get()
        self._handed_up = False
        match verdict["verdict"]:
            case "failed":
                await self._tell_watchers()
                return {"error": f"the vault opens, but the server cannot serve: {verdict['reason']}"}
            case "sealed":
                return SEALED_MEANWHILE
        self._serves = True
        await self._gone.wait()
        return {"state": "serving"}

    async def _seal(self) -> dict[str, Any]:
        """Drop what was gathered, and have the master let go of a root key that is on its way.

        What is being opened ends sealed. Where the server serves already that is told: it is sealed then
        by asking the master.
        """
        self._sealings += 1
        if self._handed_up:
            self._link.tell(event="seal")
        async with self._attempting:
            if self._serves:
                return {"state": "serving"}
            dropped = 0
            if self._unsealing is not None:
                dropped = self._unsealing.progress.have
                self._unsealing.forget()
        await self._tell_watchers()
        return {"state": "sealed", "dropped": dropped} if dropped else {"state": "sealed"}

    async def _watch(self) -> AsyncGenerator[dict[str, Any], None]:
        """Tell of every share that comes, until the server serves."""
        while not self._gone.is_set():
            seen = self._told
            yield self._status()
            async with self._news:
                # What came while this watcher was being told is told at once.
                while self._told == seen:
                    await self._news.wait()
        if self._serves:
            yield {"state": "serving"}

    async def _tell_watchers(self) -> None:
        async with self._news:
            self._told += 1
            self._news.notify_all()

    def _status(self) -> dict[str, Any]:
        return {"state": "sealed", "folder": str(Path(settings.HVX_DATA_DIR)), **self._progress()}

    def _progress(self) -> dict[str, Any]:
        try:
            gathered = self._gathered()
            progress, wants = gathered.progress, gathered.wants
        except Sealed as sealed:
            return {"wants": [], "have": 0, "need": 0, "trouble": str(sealed)}
        return {"wants": list(wants), "have": progress.have, "need": progress.need}


def _fits(answer: str) -> bool:
    return 0 < len(answer) <= LONGEST_ANSWER

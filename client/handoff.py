"""Plays one side of a handoff: carries frames between its rules, the socket and the user."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from client.protocol.delivery import AccountKey
from client.protocol.effects import (
    Adopt,
    AskCode,
    AskReturnCode,
    Done,
    Effect,
    Ended,
    HandOver,
    Send,
    ShowCode,
    ShowReturnCode,
)
from client.protocol.existing_device import ExistingDevice
from client.protocol.frames import Message, Offer
from client.protocol.new_device import NewDevice
from client.protocol.qr import QRCode
from client.protocol.reasons import Refused
from client.protocol.side import Side
from client.socket import Reconnected

Clock = Callable[[], float]
Outcome = Done | Ended
Heard = Message | Reconnected | Refused
Listening = asyncio.Task[Heard]
Offers = dict[str, tuple[Offer, float]]
"""Offers that nobody was asked about yet, by exchange, with the time when each came."""


class Line(Protocol):
    """What a handoff needs of a socket."""

    async def next(self) -> Heard:
        """The next thing that the server has to say."""

    async def send(self, text: str) -> None:
        """Send a frame."""


class Withheld(Exception):
    """The user gave no answer, and wants none of this any more."""


class NewUser(Protocol):
    """The person before the new device."""

    async def show_code(self, code: str) -> None:
        """Show the account's name and six digits."""

    async def ask_return_code(self) -> str:
        """Four digits, or `Withheld`."""


class ExistingUser(Protocol):
    """The person before the existing device."""

    async def agree(self, offer: Offer, by_qr: bool) -> bool:
        """Whether the key may go to this device; its name is the server's word, and is cleaned first."""

    async def ask_code(self) -> str:
        """Six digits, or `Withheld`. Shows an entry field and nothing of the server's or the peer's."""

    async def show_return_code(self, code: str) -> None:
        """Show four digits."""


class Handoff:
    """The loop that both sides share. `outcome` is how it ended."""

    def __init__(self, side: Side, line: Line, clock: Clock = time.time) -> None:
        self.side = side
        self.line = line
        self.clock = clock
        self.outcome: Outcome | None = None
        self.offers: Offers = {}
        self._question: asyncio.Task[list[Effect]] | None = None

    async def run(self, effects: list[Effect]) -> Outcome:
        """Do `effects` and go on to the end."""
        reading = self._listen()
        try:
            await self._perform(effects)
            while self.outcome is None:
                reading = await self._step(reading)
            return self.outcome
        except BaseException:
            await self._break_off()
            raise
        finally:
            await self._stop_listening(reading)
            self._drop_question()

    async def _step(self, reading: Listening) -> Listening:
        deadline = self.side.deadline
        left = None if deadline is None else max(deadline - self.clock(), 0.0)
        waited: set[asyncio.Task[Any]] = {reading}
        if self._question is not None:
            waited.add(self._question)
        done, _ = await asyncio.wait(waited, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            await self._perform(self.side.tick(self.clock()))
        if self._question is not None and self._question in done:
            answered, self._question = self._question, None
            await self._perform(answered.result())
        if reading in done and self.outcome is None:
            await self._perform(await self._hear(reading.result()))
            reading = self._listen()
        return reading

    def _listen(self) -> Listening:
        async def listen() -> Heard:
            return await self.line.next()

        return asyncio.create_task(listen())

    async def _stop_listening(self, reading: Listening) -> None:
        # What was heard in the last moment is not lost for the next exchange.
        if reading.done() and not reading.cancelled() and reading.exception() is None:
            heard = reading.result()
            if isinstance(heard, Offer) and heard.request.exchange != self.side.exchange:
                self.offers[heard.request.exchange] = (heard, self.clock())
        reading.cancel()
        # The line has one reader at a time, so this one must be gone before the next one begins.
        await asyncio.wait([reading])

    async def _hear(self, heard: Heard) -> list[Effect]:
        match heard:
            case Reconnected():
                return self.side.resend()
            case Refused():
                return self.side.receive(heard, self.clock())
            case Offer() if heard.request.exchange != self.side.exchange:
                self.offers[heard.request.exchange] = (heard, self.clock())
                return []
            case _:
                self.offers.pop(getattr(heard, "exchange", ""), None)
                # Checking keys calls GnuPG, and the socket must be answered meanwhile.
                return await asyncio.to_thread(self.side.receive, heard, self.clock())

    async def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(text):
                    await self.line.send(text)
                case Done() | Ended():
                    self.outcome = effect
                    self._drop_question()
                case _:
                    await self.serve(effect)

    async def serve(self, effect: Effect) -> None:
        """Do what only this side's effects ask for."""
        raise NotImplementedError

    def ask(self, question: Awaitable[str], answer: Callable[[str, float], list[Effect]]) -> None:
        """Put a question to the user, while frames go on being heard."""

        async def asked() -> list[Effect]:
            try:
                typed = await question
            except Withheld:
                return self.side.cancel()
            return answer(typed, self.clock())

        self._question = asyncio.create_task(asked())

    async def _break_off(self) -> None:
        # The peer is told if it can be; it would find out by its clock anyway.
        try:
            async with asyncio.timeout(2):
                for effect in self.side.cancel():
                    if isinstance(effect, Send):
                        await self.line.send(effect.text)
        except Exception:  # noqa: S110
            pass

    def _drop_question(self) -> None:
        if self._question is not None:
            self._question.cancel()
            self._question = None


class NewHandoff(Handoff):
    """The new device's: `adopt` stores the keys that passed every check."""

    def __init__(
        self,
        side: NewDevice,
        line: Line,
        user: NewUser,
        adopt: Callable[[Adopt], None],
        clock: Clock = time.time,
    ) -> None:
        super().__init__(side, line, clock)
        self.new_side = side
        self.user = user
        self.adopt = adopt

    async def begin(self) -> Outcome:
        """Ask for the key, and go on to the end."""
        return await self.run(self.new_side.begin(self.clock()))

    async def serve(self, effect: Effect) -> None:
        match effect:
            case ShowCode(code):
                await self.user.show_code(code)
            case AskReturnCode():
                self.ask(self.user.ask_return_code(), self.new_side.enter_return_code)
            case Adopt():
                await asyncio.to_thread(self.adopt, effect)
            case _:
                raise AssertionError(f"a new device is never asked for {type(effect).__name__}")


class ExistingHandoff(Handoff):
    """The existing device's: `export` gives the keys when everything is proven."""

    def __init__(
        self,
        side: ExistingDevice,
        line: Line,
        user: ExistingUser,
        export: Callable[[], AccountKey],
        clock: Clock = time.time,
        qr: QRCode | None = None,
    ) -> None:
        super().__init__(side, line, clock)
        self.existing_side = side
        self.user = user
        self.export = export
        self.qr = qr

    async def begin(self) -> Outcome:
        """Examine the offer, ask the user about it, and go on to the end."""
        effects = self.existing_side.examine(self.clock())
        if not self.side.over:
            self.ask(self._agreed(), self._decide)
        return await self.run(effects)

    async def serve(self, effect: Effect) -> None:
        match effect:
            case AskCode():
                self.ask(self.user.ask_code(), self.existing_side.enter_code)
            case HandOver():
                key = await asyncio.to_thread(self.export)
                await self._perform(self.existing_side.deliver(key, self.clock()))
            case ShowReturnCode(code):
                await self.user.show_return_code(code)
            case _:
                raise AssertionError(f"an existing device is never asked for {type(effect).__name__}")

    async def _agreed(self) -> str:
        return "yes" if await self.user.agree(self.existing_side.offer, self.qr is not None) else ""

    def _decide(self, agreed: str, now: float) -> list[Effect]:
        if not agreed:
            return self.existing_side.decline()
        return self.existing_side.accept(now, self.qr)


async def next_offer(line: Line, offers: Offers, clock: Clock = time.time) -> tuple[Offer, float]:
    """The next offer to ask the user about and when it came, those of `offers` first.

    Waits for as long as it takes.
    """
    while not offers:
        match await line.next():
            case Offer() as offer:
                offers[offer.request.exchange] = (offer, clock())
            case _:
                continue
    return offers.pop(next(iter(offers)))

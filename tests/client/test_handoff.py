"""The loop around the rules: prompts that are withdrawn, clocks that run out, lines that break."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import pytest

from client.handoff import ExistingHandoff, Handoff, Heard, NewHandoff, Offers, Withheld, next_offer
from client.protocol.delivery import AccountKey
from client.protocol.effects import Adopt, Done, Ended
from client.protocol.frames import Offer, Withdrawn
from client.protocol.reasons import Reason, Refused
from client.protocol.side import LIFETIME
from client.socket import Reconnected
from tests.client.pair import ACCOUNT_KEY, EXCHANGE, NOW, Pair, Story, changed, identity, sent

T = TypeVar("T")


@dataclass
class PaperLine:
    """A socket in memory. `sent` is what went out; `deliver` is what the server does with it."""

    deliver: Callable[[str], None] | None = None
    sent: list[str] = field(default_factory=list)
    coming: asyncio.Queue[Heard] = field(default_factory=asyncio.Queue)

    async def next(self) -> Heard:
        return await self.coming.get()

    async def send(self, text: str) -> None:
        self.sent.append(text)
        if self.deliver is not None:
            self.deliver(text)

    def reasons(self) -> list[str]:
        """The cancels that went out."""
        return [json.loads(text)["reason"] for text in self.sent if json.loads(text)["type"] == "cancel"]


@dataclass
class Person:
    """Reads and types; or does not type until `types` is set."""

    agrees: bool = True
    types: bool = True
    withholds: bool = False
    code: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    return_code: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    questions: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def agree(self, offer: Offer, by_qr: bool) -> bool:
        return await self._answer("agree", self.agrees)

    async def show_code(self, code: str) -> None:
        await self.code.put(code)

    async def ask_code(self) -> str:
        return await self._answer("code", await self.code.get())

    async def show_return_code(self, code: str) -> None:
        await self.return_code.put(code)

    async def ask_return_code(self) -> str:
        return await self._answer("return code", await self.return_code.get())

    async def _answer(self, question: str, answer: T) -> T:
        self.questions.append(question)
        self.asked.set()
        if self.withholds:
            raise Withheld
        if not self.types:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.withdrawn.append(question)
                raise
        return answer


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Table:
    """Both devices of a pair, each with its line, and one person before them."""

    pair: Pair = field(default_factory=Pair)
    person: Person = field(default_factory=Person)
    clock: Clock = field(default_factory=Clock)
    adopted: list[Adopt] = field(default_factory=list)
    new_line: PaperLine = field(default_factory=PaperLine)
    existing_line: PaperLine = field(default_factory=PaperLine)

    def new(self, adopt: Callable[[Adopt], None] | None = None) -> NewHandoff:
        self.new_line.deliver = lambda text: self.existing_line.coming.put_nowait(self._to_existing(text))
        return NewHandoff(
            self.pair.new_side(), self.new_line, self.person, adopt or self.adopted.append, self.clock
        )

    def existing(self, offer: Offer, export: Callable[[], AccountKey] | None = None) -> ExistingHandoff:
        self.existing_line.deliver = lambda text: self.new_line.coming.put_nowait(self.pair.to_new(text))
        side = self.pair.existing_side(offer, received=self.clock())
        return ExistingHandoff(
            side, self.existing_line, self.person, export or self.pair.account_key, self.clock
        )

    def _to_existing(self, text: str) -> Heard:
        if json.loads(text)["type"] == "request":
            return self.pair.offer(text)
        return self.pair.to_existing(text)


async def _play(table: Table) -> tuple[Done | Ended, Done | Ended]:
    """Both sides to their ends: the new device's outcome, and the existing one's."""
    new = table.new()

    async def give() -> Done | Ended:
        offer, _ = await next_offer(table.existing_line, {}, table.clock)
        return await table.existing(offer).begin()

    async with asyncio.timeout(20):
        return await asyncio.gather(new.begin(), give())


async def test_a_refusal_of_the_user_reaches_the_other_device() -> None:
    table = Table(person=Person(agrees=False))
    new, existing = await _play(table)
    assert new == Ended(Reason.DECLINED, "peer")
    assert existing == Ended(Reason.DECLINED)
    assert table.person.questions == ["agree"]


async def test_a_user_who_gives_no_answer_ends_it() -> None:
    table = Table(person=Person(withholds=True))
    new, existing = await _play(table)
    assert new == Ended(Reason.USER, "peer")
    assert existing == Ended(Reason.USER)


async def test_both_codes_typed_bring_the_key_over() -> None:
    table = Table()
    assert list(await _play(table)) == [Done(), Done()]
    assert table.person.questions == ["agree", "code", "return code"]
    assert [keys.private_key for keys in table.adopted] == [ACCOUNT_KEY.private_key]


async def _begun(table: Table) -> tuple[ExistingHandoff, asyncio.Task[Done | Ended]]:
    """The existing side, waiting for its user's answer."""
    [request] = sent(table.pair.new_side().begin(NOW))
    handoff = table.existing(table.pair.offer(request))
    table.existing_line.deliver = None
    table.person.types = False
    task = asyncio.create_task(handoff.begin())
    await asyncio.wait_for(table.person.asked.wait(), 20)
    return handoff, task


async def test_a_question_is_withdrawn_when_the_exchange_ends_while_it_stands() -> None:
    table = Table()
    _, task = await _begun(table)
    table.existing_line.coming.put_nowait(Withdrawn(EXCHANGE))
    assert await asyncio.wait_for(task, 20) == Ended(Reason.WITHDRAWN, "server")
    assert table.person.withdrawn == ["agree"]


async def test_a_broken_frame_ends_the_exchange() -> None:
    table = Table()
    _, task = await _begun(table)
    table.existing_line.coming.put_nowait(Refused(Reason.BAD_FRAME))
    assert await asyncio.wait_for(task, 20) == Ended(Reason.BAD_FRAME)
    assert table.existing_line.reasons() == ["bad_proof"]


async def test_time_runs_out_while_the_user_thinks() -> None:
    table = Table()
    table.clock.now = NOW
    [request] = sent(table.pair.new_side().begin(NOW))
    table.person.types = False
    handoff = table.existing(table.pair.offer(request))
    # The offer came almost two minutes ago, and now they are over.
    table.clock.now = NOW + LIFETIME - 0.01
    task = asyncio.create_task(handoff.begin())
    await asyncio.wait_for(table.person.asked.wait(), 20)
    table.clock.now = NOW + LIFETIME
    assert await asyncio.wait_for(task, 20) == Ended(Reason.EXPIRED)
    assert table.person.withdrawn == ["agree"]


async def test_a_handoff_that_is_broken_off_from_outside_tells_the_other_device() -> None:
    table = Table()
    _, task = await _begun(table)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert table.existing_line.reasons() == ["user"]


async def test_a_key_that_cannot_be_exported_tells_the_other_device() -> None:
    table = Table()
    new = table.new()

    def fail() -> AccountKey:
        raise OSError("no key here")

    async def give() -> Done | Ended:
        offer, _ = await next_offer(table.existing_line, {}, table.clock)
        return await table.existing(offer, fail).begin()

    outcomes = await asyncio.gather(new.begin(), give(), return_exceptions=True)
    assert outcomes[0] == Ended(Reason.USER, "peer")
    assert isinstance(outcomes[1], OSError)


async def test_a_key_that_cannot_be_stored_is_not_acknowledged() -> None:
    table = Table()

    def fail(keys: Adopt) -> None:
        raise OSError("disk full")

    new = table.new(fail)

    async def give() -> Done | Ended:
        offer, _ = await next_offer(table.existing_line, {}, table.clock)
        return await table.existing(offer).begin()

    giving = asyncio.create_task(give())
    with pytest.raises(OSError, match="disk full"):
        await asyncio.wait_for(new.begin(), 20)
    assert not any(json.loads(text)["type"] == "ack" for text in table.new_line.sent)
    giving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await giving


async def test_after_a_reconnect_the_frames_that_await_an_answer_go_out_again() -> None:
    story = Story.revealed()
    line = PaperLine()
    handoff = Handoff(story.new, line, Clock(NOW + 2))
    task = asyncio.create_task(handoff.run([]))
    line.coming.put_nowait(Reconnected())
    line.coming.put_nowait(Withdrawn(EXCHANGE))
    await asyncio.wait_for(task, 20)
    assert line.sent == [story.reveal, story.prove]


async def test_an_offer_that_comes_meanwhile_waits_for_its_turn() -> None:
    table = Table()
    handoff, task = await _begun(table)
    other = "00000000-0000-4000-8000-000000000000"
    [request] = sent(Pair(new=identity("another")).new_side().begin(NOW))
    offer = table.pair.offer(changed(request, exchange=other), sender=identity("another").device)
    table.existing_line.coming.put_nowait(offer)
    table.existing_line.coming.put_nowait(Withdrawn(EXCHANGE))
    await asyncio.wait_for(task, 20)
    assert handoff.offers == {other: (offer, NOW)}
    assert await next_offer(table.existing_line, handoff.offers) == (offer, NOW)


async def test_an_offer_that_was_withdrawn_meanwhile_is_not_asked_about() -> None:
    table = Table()
    handoff, task = await _begun(table)
    other = "00000000-0000-4000-8000-000000000000"
    offer = replace(handoff.existing_side.offer)
    waiting: Offers = {other: (offer, NOW)}
    handoff.offers = waiting
    table.existing_line.coming.put_nowait(Withdrawn(other))
    table.existing_line.coming.put_nowait(Withdrawn(EXCHANGE))
    await asyncio.wait_for(task, 20)
    assert waiting == {}

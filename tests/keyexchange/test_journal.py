"""What the audit is told of exchanges, and what is not relayed because it could not be told."""

import json
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, transaction

from audit.models import AuditRow
from audit.queries import mac_of, rows_of
from keyexchange import journal
from keyexchange.protocol.exchange import HELD_SECONDS
from keyexchange.services import end_exchanges_of
from keyexchange.store.memory import MemoryExchangeStore
from tests.keyexchange.builders import LAPTOP, NEW, STORY, TABLET, X, exchange_id
from tests.keyexchange.conftest import House, Socket

Told = list[tuple[str, dict[str, Any]]]
BEGUN = ("key_exchange_begun", {"exchange": X})


def ended(how: str, **more: str) -> tuple[str, dict[str, str]]:
    return "key_exchange_ended", {"exchange": X, "how": how, **more}


@sync_to_async
def rows(house: House) -> list[AuditRow]:
    """The account's rows, oldest first."""
    return list(rows_of(str(house.account.pk)).reverse())


async def told(house: House) -> Told:
    return [(row.event, json.loads(row.details)) for row in await rows(house)]


async def play(house: House, until: int = len(STORY)) -> dict[Any, Socket]:
    """The story up to its `until`th frame, each having reached the other device."""
    sockets = {actor: await house.connect(actor) for actor in (NEW, LAPTOP)}
    for actor, kind in STORY[:until]:
        await sockets[actor].say(actor.text(kind, X))
        await sockets[LAPTOP if actor is NEW else NEW].frame()
    return sockets


async def test_a_handoff_is_two_rows_its_beginning_and_its_end(house: House) -> None:
    await play(house)
    assert await told(house) == [BEGUN, ended("delivered")]
    for row in await rows(house):
        assert bytes(row.device_mac) == await sync_to_async(mac_of)("device", NEW.hash)


async def test_nothing_of_what_was_relayed_is_in_a_row(house: House) -> None:
    await play(house)
    relayed = [NEW.fields(kind, X) | LAPTOP.fields(kind, X) for _, kind in STORY]
    words = {
        word for frame in relayed for name, word in frame.items() if name not in ("type", "exchange", "to")
    }
    written = json.dumps(await told(house))
    assert not [word for word in words if json.dumps(word)[1:-1] in written]


@pytest.mark.parametrize("until", range(2, 6))
async def test_a_cancel_is_written_with_its_reason(house: House, until: int) -> None:
    sockets = await play(house, until)
    await sockets[LAPTOP].say(LAPTOP.text("cancel", X, reason="code_mismatch"))
    await sockets[NEW].frame()
    assert await told(house) == [BEGUN, ended("cancelled", reason="code_mismatch")]


async def test_a_decline_of_one_of_several_ends_nothing(house: House) -> None:
    new, laptop, tablet = [await house.connect(actor) for actor in (NEW, LAPTOP, TABLET)]
    await new.say(NEW.text("request", X))
    await laptop.frame()
    await tablet.frame()
    await laptop.say(LAPTOP.text("cancel", X))
    assert await laptop.silent()
    assert await told(house) == [BEGUN]


async def test_refused_and_repeated_frames_write_nothing(house: House) -> None:
    new, _ = (await play(house, 1)).values()
    await new.say(NEW.text("request", X))
    await new.say(NEW.text("request", exchange_id("another")))
    assert await new.error() == "exchange_open"
    await new.say(NEW.text("ack", X))
    assert await new.error() == "out_of_order"
    assert await told(house) == [BEGUN]


async def test_the_end_of_a_device_ends_its_exchanges_in_the_audit_too(house: House) -> None:
    sockets = await play(house, 3)

    @sync_to_async
    def end() -> None:
        with transaction.atomic():
            end_exchanges_of(LAPTOP.hash, str(house.account.pk))

    await end()
    assert (await sockets[NEW].frame())["type"] == "withdrawn"
    assert await told(house) == [BEGUN, ended("withdrawn")]


async def test_what_ran_out_is_written_once_by_the_housekeeping(house: House) -> None:
    await play(house, 3)
    assert await sync_to_async(journal.sweep)() == 0
    with pytest.MonkeyPatch.context() as patch:
        # As if the two minutes and the leeway were over.
        patch.setattr(journal, "LEEWAY", timedelta(seconds=-HELD_SECONDS - 1))
        assert await sync_to_async(journal.sweep)() == 1
        assert await sync_to_async(journal.sweep)() == 0
    assert await told(house) == [BEGUN, ended("expired")]
    first, last = await rows(house)
    assert bytes(last.device_mac) == bytes(first.device_mac)
    assert bytes(last.subject_mac) == bytes(first.subject_mac)


async def test_the_housekeeping_leaves_what_has_ended_alone(house: House) -> None:
    await play(house)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "LEEWAY", timedelta(seconds=-HELD_SECONDS - 1))
        assert await sync_to_async(journal.sweep)() == 0


# What cannot be written


def break_writing(patch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("no space left")

    patch.setattr("audit.services._hung_on", fail)


async def test_a_request_that_cannot_be_written_is_refused_and_offered_to_nobody(house: House) -> None:
    new, laptop = await house.connect(NEW), await house.connect(LAPTOP)
    with pytest.MonkeyPatch.context() as patch:
        break_writing(patch)
        await new.say(NEW.text("request", X))
        assert await new.error() == "audit_unavailable"
        assert await laptop.silent()
    assert await told(house) == []
    await new.say(NEW.text("request", X))
    assert (await laptop.frame())["type"] == "offer"
    assert await told(house) == [BEGUN]


@pytest.mark.parametrize("kind", ["ack", "cancel"])
async def test_an_end_that_cannot_be_written_is_not_relayed_until_it_can(house: House, kind: str) -> None:
    sockets = await play(house, 5)
    with pytest.MonkeyPatch.context() as patch:
        break_writing(patch)
        await sockets[NEW].say(NEW.text(kind, X))
        assert await sockets[NEW].error() == "audit_unavailable"
        assert await sockets[LAPTOP].silent()
    await sockets[NEW].say(NEW.text(kind, X))
    assert (await sockets[LAPTOP].frame())["frame"]["type"] == kind
    assert [event for event, _ in await told(house)] == ["key_exchange_begun", "key_exchange_ended"]


async def test_the_frames_between_ask_the_audit_for_nothing(house: House) -> None:
    new, laptop = (await play(house, 1)).values()
    with pytest.MonkeyPatch.context() as patch:
        break_writing(patch)
        sockets = {NEW: new, LAPTOP: laptop}
        for actor, kind in STORY[1:5]:
            await sockets[actor].say(actor.text(kind, X))
            await sockets[LAPTOP if actor is NEW else NEW].frame()


class Overtaken(MemoryExchangeStore):
    """A store in which the desk is another by the time that a change is saved, once."""

    def __init__(self) -> None:
        super().__init__()
        self.overtaking: Any = None

    async def transact(self, account_id: str, change: Any) -> Any:
        overtaking, self.overtaking = self.overtaking, None
        if overtaking is not None:
            desk = await self.read(account_id)
            change(desk)  # tried on what was read first, and not saved
            await super().transact(account_id, overtaking)
        return await super().transact(account_id, change)


async def test_an_end_is_written_once_however_often_the_change_is_tried(house: House) -> None:
    store = Overtaken()
    application = house.worker(store)
    new, laptop = [await house.connect(actor, application=application) for actor in (NEW, LAPTOP)]
    await new.say(NEW.text("request", X))
    await laptop.frame()
    store.overtaking = lambda desk: (desk, frozenset())
    await laptop.say(LAPTOP.text("accept", X))
    await new.frame()
    await laptop.say(LAPTOP.text("cancel", X))
    await new.frame()
    await new.say(NEW.text("cancel", X))
    assert await new.error() == "out_of_order"
    assert await told(house) == [BEGUN, ended("cancelled", reason="user")]

"""The socket: who is let in, what it says, and what closes it."""

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction

from devices import state
from devices.models import Device, DeviceState
from devices.push import push
from keyexchange import consumers
from keyexchange.consumers import SUBPROTOCOL
from keyexchange.protocol.exchange import HELD_SECONDS
from keyexchange.protocol.frames import MAX_FRAME_BYTES
from keyexchange.services import end_exchanges_of
from keyexchange.store.base import ExchangeStore
from keyexchange.store.memory import MemoryExchangeStore
from tests.keyexchange.builders import LAPTOP, NEW, STORY, STRANGER, TABLET, Actor, X, exchange_id
from tests.keyexchange.conftest import PATIENCE, Clock, House, Socket

# Who is not let in


async def test_a_socket_without_a_token_is_closed_with_the_code_as_reason(house: House) -> None:
    socket = await house.socket(LAPTOP, token="", proof="")
    assert await socket.closed() == (4401, "not_authenticated")


async def test_a_token_without_a_proof_is_refused(house: House) -> None:
    socket = await house.socket(LAPTOP, proof="")
    assert await socket.closed() == (4401, "invalid_dpop_proof")


async def test_another_devices_proof_is_refused(house: House) -> None:
    proof = await sync_to_async(house.proof)(TABLET)
    socket = await house.socket(LAPTOP, proof=proof)
    assert await socket.closed() == (4401, "invalid_dpop_proof")


async def test_an_ended_device_is_closed_with_4403(house: House) -> None:
    await Device.objects.filter(hash=LAPTOP.hash).aupdate(state=DeviceState.ENDED)
    socket = await house.socket(LAPTOP)
    assert await socket.closed() == (4403, "device_revoked")


async def test_a_socket_that_offers_no_subprotocol_of_ours_is_refused(house: House) -> None:
    socket = await house.socket(LAPTOP, subprotocols=("chat",))
    assert await socket.closed() == (4401, "subprotocol_required")


async def test_a_token_of_an_apps_scope_is_refused(house: House) -> None:
    token = await sync_to_async(house.token)(LAPTOP, scope="read write")
    socket = await house.socket(LAPTOP, token=token)
    assert (await socket.closed())[0] == 4401


async def test_a_browser_brings_token_and_proof_as_subprotocols_and_gets_none_of_them_back(
    house: House,
) -> None:
    token, proof = await sync_to_async(house.token)(LAPTOP), await sync_to_async(house.proof)(LAPTOP)
    offered = (SUBPROTOCOL, f"hvx.bearer.{token}", f"hvx.dpop.{proof}")
    socket = Socket(house.application, [], offered)
    house.open.append(socket)
    assert await socket.open() == SUBPROTOCOL
    assert (await socket.frame())["type"] == "hello"


# What a socket says


async def test_hello_says_who_one_is(house: House) -> None:
    socket = await house.socket(NEW)
    hello = await socket.frame()
    assert hello.pop("time").endswith("Z")
    assert hello == {
        "type": "hello",
        "device": NEW.hash,
        "scope": "pending",
        "account": "alice@localhost:8000",
    }


async def test_the_whole_story_reaches_both_in_order_and_as_sent(house: House) -> None:
    sockets = {actor: await house.connect(actor) for actor in (NEW, LAPTOP, TABLET)}
    seqs = {NEW: 0, LAPTOP: 0}
    for actor, kind in STORY:
        await sockets[actor].say(actor.text(kind, X))
        if kind == "request":
            for asked in (LAPTOP, TABLET):
                offer = await sockets[asked].frame()
                assert (offer["type"], offer["name"]) == ("offer", NEW.name)
                assert offer["frame"] == NEW.fields("request", X)
            continue
        if kind == "accept":
            assert await sockets[TABLET].frame() == {"type": "withdrawn", "exchange": X}
        other = NEW if actor is LAPTOP else LAPTOP
        seqs[other] += 1
        assert await sockets[other].frame() == {
            "type": "relay",
            "exchange": X,
            "seq": seqs[other],
            "from": actor.hash,
            "frame": actor.fields(kind, X),
        }
    for socket in sockets.values():
        assert await socket.silent()


async def test_a_relayed_frame_is_the_very_text_that_was_sent(house: House) -> None:
    new, laptop = await house.connect(NEW), await house.connect(LAPTOP)
    await new.say(NEW.text("request", X))
    await laptop.frame()
    odd = json.dumps(LAPTOP.fields("accept", X), indent=3)
    await laptop.say(odd)
    assert odd in await new.text()


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "null", '{"type": "ack"}', "x" * (MAX_FRAME_BYTES + 1), '{"type": "hello"}'],
    ids=["broken", "list", "null", "no exchange", "oversize", "server's"],
)
async def test_a_bad_frame_is_answered_and_the_socket_goes_on(house: House, text: str) -> None:
    new = await house.connect(NEW)
    await new.say(text)
    frame = await new.frame()
    assert (frame["type"], frame["exchange"], frame["code"]) == ("error", None, "bad_frame")
    await new.say(NEW.text("reveal", X))
    assert await new.frame() == {
        "type": "error",
        "exchange": X,
        "code": "out_of_order",
        "detail": "This device may not send this frame now, or the exchange is unknown or over.",
    }


async def test_a_binary_frame_is_a_bad_frame(house: House) -> None:
    new = await house.connect(NEW)
    await new.say(b"{}")
    assert await new.error() == "bad_frame"


async def test_a_device_that_was_not_asked_hears_and_says_nothing(house: House) -> None:
    await sync_to_async(house.add)(STRANGER)
    new, laptop, stranger = [await house.connect(actor) for actor in (NEW, LAPTOP, STRANGER)]
    await new.say(NEW.text("request", X, to=LAPTOP.hash))
    assert (await laptop.frame())["type"] == "offer"
    await stranger.say(STRANGER.text("accept", X))
    assert await stranger.error() == "out_of_order"
    assert await stranger.silent()


async def test_another_account_does_not_see_the_exchange(house: House) -> None:
    new = await house.connect(NEW)
    await new.say(NEW.text("request", X))
    await house.account.adelete()
    await sync_to_async(house.move_in)("bob")
    laptop = await house.connect(LAPTOP)
    await laptop.say(LAPTOP.text("accept", X))
    assert await laptop.error() == "out_of_order"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"state": DeviceState.PENDING}, "unknown_device"),
        ({"state": DeviceState.ENDED}, "unknown_device"),
        ({"kind": "app", "key": None}, "unknown_device"),
    ],
)
async def test_only_an_active_device_with_a_key_can_be_asked(
    house: House, change: dict[str, Any], code: str
) -> None:
    await Device.objects.filter(hash=TABLET.hash).aupdate(**change)
    new = await house.connect(NEW)
    await new.say(NEW.text("request", X, to=TABLET.hash))
    assert await new.error() == code


async def test_a_device_certified_since_it_asked_can_still_send_its_ack(house: House) -> None:
    new, laptop = await house.connect(NEW), await house.connect(LAPTOP)
    for actor, kind in STORY[:5]:
        await (new if actor is NEW else laptop).say(actor.text(kind, X))
        await (laptop if actor is NEW else new).frame()
    await Device.objects.filter(hash=NEW.hash).aupdate(state=DeviceState.ACTIVE)
    state.forget_all()
    await new.say(NEW.text("ack", X))
    assert (await laptop.frame())["frame"]["type"] == "ack"


async def test_a_token_that_expires_does_not_close_the_socket(house: House, clock: Clock) -> None:
    new, laptop = await house.connect(NEW), await house.connect(LAPTOP)
    clock.now += 100_000
    await new.say(NEW.text("request", X))
    assert (await laptop.frame())["type"] == "offer"


# Coming back


async def test_a_device_that_comes_while_the_offer_stands_sees_it(house: House) -> None:
    new = await house.connect(NEW)
    await new.say(NEW.text("request", X))
    assert await new.silent()
    laptop = await house.connect(LAPTOP)
    assert (await laptop.frame())["type"] == "offer"


async def test_after_a_reconnect_everything_comes_again_in_order(house: House) -> None:
    new, laptop = await house.connect(NEW), await house.connect(LAPTOP)
    await new.say(NEW.text("request", X))
    offer = await laptop.text()
    for actor, kind in STORY[1:5]:
        await (new if actor is NEW else laptop).say(actor.text(kind, X))
        await (laptop if actor is NEW else new).frame()
    await house.leave(new)
    await house.leave(laptop)
    laptop = await house.connect(LAPTOP)
    assert await laptop.text() == offer
    assert [((await laptop.frame())["seq"]) for _ in "12"] == [1, 2]
    new = await house.connect(NEW)
    frames = [await new.frame() for _ in "12"]
    assert [(frame["seq"], frame["frame"]["type"]) for frame in frames] == [(1, "accept"), (2, "deliver")]
    await new.say(NEW.text("ack", X))
    assert (await laptop.frame())["seq"] == 3


@pytest.mark.parametrize("end", ["ack", "cancel"])
async def test_ack_and_cancel_wait_for_a_device_that_is_away_and_come_once(house: House, end: str) -> None:
    new, laptop = await house.connect(NEW), await house.connect(LAPTOP)
    for actor, kind in STORY[:5]:
        await (new if actor is NEW else laptop).say(actor.text(kind, X))
        await (laptop if actor is NEW else new).frame()
    await house.leave(laptop)
    await new.say(NEW.text(end, X))
    assert await new.silent()
    laptop = await house.connect(LAPTOP)
    relay = await laptop.frame()
    assert (relay["seq"], relay["frame"]["type"]) == (3, end)
    assert await laptop.silent()
    await house.leave(laptop)
    laptop = await house.connect(LAPTOP)
    assert await laptop.silent()


async def test_an_ack_that_a_dead_connection_did_not_take_comes_again(house: House) -> None:
    new, laptop = await house.connect(NEW), await house.connect(LAPTOP)
    for actor, kind in STORY[:5]:
        await (new if actor is NEW else laptop).say(actor.text(kind, X))
        await (laptop if actor is NEW else new).frame()
    laptop.gone = True
    await new.say(NEW.text("ack", X))
    async with asyncio.timeout(PATIENCE):
        await laptop.missed.wait()
    await house.leave(laptop)
    laptop = await house.connect(LAPTOP)
    assert (await laptop.frame())["frame"]["type"] == "ack"


class HeldUp(MemoryExchangeStore):
    """A way to another store that can be held up."""

    def __init__(self, store: ExchangeStore) -> None:
        super().__init__()
        self.store = store
        self.gate = asyncio.Event()
        self.gate.set()

    async def transact(self, account_id: str, change: Any) -> Any:
        await self.gate.wait()
        return await self.store.transact(account_id, change)

    async def read(self, account_id: str) -> Any:
        return await self.store.read(account_id)


async def test_a_client_that_leaves_upon_its_ack_does_not_get_it_again(house: House) -> None:
    slow = HeldUp(house.store)
    new = await house.connect(NEW)
    laptop = await house.connect(LAPTOP, application=house.worker(slow))
    for actor, kind in STORY[:5]:
        await (new if actor is NEW else laptop).say(actor.text(kind, X))
        await (laptop if actor is NEW else new).frame()
    slow.gate.clear()
    await new.say(NEW.text("ack", X))
    assert (await laptop.frame())["frame"]["type"] == "ack"
    await house.leave(laptop)
    slow.gate.set()
    laptop = await house.connect(LAPTOP)
    assert await laptop.silent()


async def test_a_newer_socket_closes_the_older_one(house: House) -> None:
    older = await house.connect(LAPTOP)
    newer = await house.connect(LAPTOP)
    assert await older.closed() == (4409, "superseded")
    assert await newer.silent()


# Time


async def test_every_party_is_told_when_the_two_minutes_are_over(house: House, clock: Clock) -> None:
    new, laptop, tablet = [await house.connect(actor) for actor in (NEW, LAPTOP, TABLET)]
    await new.say(NEW.text("request", X))
    await laptop.frame()
    await tablet.frame()
    clock.now += HELD_SECONDS
    # Any frame of anyone brings the sockets to look at the clock; here it is another request.
    await new.say(NEW.text("request", exchange_id("y")))
    for socket in (new, laptop, tablet):
        assert await socket.frame() == {"type": "expired", "exchange": X}


async def test_a_socket_tells_the_end_of_time_by_itself(house: House, clock: Clock) -> None:
    new, laptop = await house.connect(NEW), await house.connect(LAPTOP)
    await new.say(NEW.text("request", X))
    assert (await laptop.frame())["type"] == "offer"
    await house.leave(laptop)
    # The next socket's timer is set from this clock, a twentieth of a second before the end, and
    # has run out once the clock is past it.
    clock.now += HELD_SECONDS - 0.05
    laptop = await house.connect(LAPTOP)
    assert (await laptop.frame())["type"] == "offer"
    clock.now += 0.05
    assert await laptop.frame() == {"type": "expired", "exchange": X}
    assert await new.frame() == {"type": "expired", "exchange": X}


async def test_after_the_two_minutes_a_frame_is_out_of_order(house: House, clock: Clock) -> None:
    new, laptop = await house.connect(NEW), await house.connect(LAPTOP)
    await new.say(NEW.text("request", X))
    await laptop.frame()
    clock.now += HELD_SECONDS
    await laptop.say(LAPTOP.text("accept", X))
    assert await laptop.error() == "out_of_order"


# When a device ends


def _revoke(house: House, actor: Actor) -> None:
    with transaction.atomic():
        Device.objects.filter(hash=actor.hash).update(state=DeviceState.ENDED)
        end_exchanges_of(actor.hash, str(house.account.id))


async def test_when_the_new_device_ends_its_offer_is_withdrawn(house: House) -> None:
    new, laptop = await house.connect(NEW), await house.connect(LAPTOP)
    await new.say(NEW.text("request", X))
    await laptop.frame()
    await sync_to_async(_revoke)(house, NEW)
    assert await laptop.frame() == {"type": "withdrawn", "exchange": X}


async def test_a_revocation_that_rolls_back_ends_no_exchange(house: House) -> None:
    new, laptop = await house.connect(NEW), await house.connect(LAPTOP)
    await new.say(NEW.text("request", X))
    await laptop.frame()

    def roll_back() -> None:
        with transaction.atomic():
            end_exchanges_of(NEW.hash, str(house.account.id))
            transaction.set_rollback(True)

    await sync_to_async(roll_back)()
    await laptop.say(LAPTOP.text("accept", X))
    assert (await new.frame())["frame"]["type"] == "accept"


async def test_the_message_of_a_devices_end_closes_its_socket(house: House) -> None:
    laptop = await house.connect(LAPTOP)
    await sync_to_async(push)(LAPTOP.hash, {"type": "device.ended"})
    assert await laptop.closed() == (4403, "device_revoked")


@pytest.mark.parametrize(
    ("became", "code", "reason"),
    [("ended", 4403, "device_revoked"), ("pending", 4401, "invalid_token"), (None, 4401, "invalid_token")],
)
async def test_a_device_that_is_not_what_hello_said_is_closed_at_its_next_frame_though_no_message_came(
    house: House, became: str | None, code: int, reason: str
) -> None:
    laptop, new = await house.connect(LAPTOP), await house.connect(NEW)
    await new.say(NEW.text("request", X))
    await laptop.frame()
    rows = Device.objects.filter(hash=LAPTOP.hash)
    await (rows.aupdate(state=became) if became else rows.adelete())
    state.forget_all()
    await laptop.say(LAPTOP.text("accept", X))
    assert await laptop.closed() == (code, reason)
    assert await new.silent()


@pytest.mark.parametrize("change", [{"state": DeviceState.PENDING}, {"hash": STRANGER.hash}])
async def test_a_device_that_is_pending_again_or_has_another_hash_is_told_by_a_close(
    house: House, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    monkeypatch.setattr(consumers, "FIRST_LOOK_SECONDS", 1000.0)
    laptop = await house.connect(LAPTOP)
    await Device.objects.filter(hash=LAPTOP.hash).aupdate(**change)
    await sync_to_async(push)(LAPTOP.hash, {"type": "device.replaced"})
    assert await laptop.closed() == (4401, "invalid_token")


async def test_a_device_that_is_what_hello_said_stays_whatever_message_comes(house: House) -> None:
    sockets = [await house.connect(actor) for actor in (NEW, LAPTOP)]
    for actor in (NEW, LAPTOP):
        await sync_to_async(push)(actor.hash, {"type": "device.replaced"})
    for socket in sockets:
        assert await socket.silent()


async def test_a_new_device_that_ended_a_moment_ago_opens_no_exchange(house: House) -> None:
    new, laptop = await house.connect(NEW), await house.connect(LAPTOP)
    # What was read of it is younger than 0.8 s.
    await state.current(NEW.hash)
    await Device.objects.filter(hash=NEW.hash).aupdate(state=DeviceState.ENDED)
    await new.say(NEW.text("request", X))
    assert await new.closed() == (4403, "device_revoked")
    assert await laptop.silent()


class Slow(MemoryExchangeStore):
    """A store that is reached only after `ending` has ended, which found no exchange to end."""

    def __init__(self, ending: Actor) -> None:
        super().__init__()
        self.ending = ending

    async def transact(self, account_id: str, change: Any) -> Any:
        await Device.objects.filter(hash=self.ending.hash).aupdate(state=DeviceState.ENDED)
        return await super().transact(account_id, change)


async def test_an_end_of_the_asked_device_while_the_request_is_recorded_withdraws_it(house: House) -> None:
    new = await house.connect(NEW, application=house.worker(Slow(ending=LAPTOP)))
    await new.say(NEW.text("request", X, to=LAPTOP.hash))
    assert await new.frame() == {"type": "withdrawn", "exchange": X}


async def test_an_end_of_the_new_device_while_its_request_is_recorded_withdraws_the_offer(
    house: House,
) -> None:
    application = house.worker(Slow(ending=NEW))
    laptop = await house.connect(LAPTOP, application=application)
    new = await house.connect(NEW, application=application)
    await new.say(NEW.text("request", X))
    frames = [await laptop.frame()]
    if frames[-1]["type"] == "offer":
        frames.append(await laptop.frame())
    assert frames[-1] == {"type": "withdrawn", "exchange": X}


async def test_a_device_that_has_ended_is_closed_though_it_says_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "FIRST_LOOK_SECONDS", 0.01)
    await Device.objects.filter(hash=LAPTOP.hash).aupdate(state=DeviceState.ACTIVE)
    socket = await house.socket(LAPTOP)
    # As if the revocation fell between the check of the token and the joining of the group.
    await Device.objects.filter(hash=LAPTOP.hash).aupdate(state=DeviceState.ENDED)
    state.forget_all()
    assert (await socket.frame())["type"] == "hello"
    assert await socket.closed() == (4403, "device_revoked")

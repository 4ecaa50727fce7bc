"""The socket of the key exchange (PROTOCOL §4).

Record, then speak: a frame is first saved in the store as part of the account's desk; then the
devices concerned are woken, and each socket sends what the desk holds for it and it has not sent.
Nothing that is relayed is logged: of an unexpected exception the type and the line are, no more.
"""

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from accounts.protocol.names import account_text
from audit import context
from audit.errors import Problem
from devices import presence, state
from devices.errors import AppToken, DeviceRevoked, InvalidToken
from devices.principal import Principal
from devices.protocol.encoding import b64url
from devices.push import device_group
from devices.sockets import authenticate
from keyexchange import bells, journal, queries
from keyexchange.errors import (
    CLOSE_REFUSED,
    CLOSE_REVOKED,
    CLOSE_SUPERSEDED,
    UNREACHABLE,
    SubprotocolRequired,
    closing,
    problem_of,
    where,
)
from keyexchange.protocol import server_frames
from keyexchange.protocol.desk import Desk
from keyexchange.protocol.exchange import Sender
from keyexchange.protocol.frames import ExchangeId, Frame, parse
from keyexchange.protocol.refusals import BadFrame, Refused, UnknownDevice
from keyexchange.store import exchange_store
from keyexchange.store.base import Change, ExchangeStore

log = logging.getLogger("keyexchange")

SUBPROTOCOL: Final = "hvx.keyexchange.v1"
FIRST_LOOK_SECONDS: Final = 1.0

Clock = Callable[[], float]


class KeyExchangeConsumer(AsyncWebsocketConsumer):
    """One socket of one device. `clock` gives Unix seconds."""

    principal: Principal
    device_key: str
    recording: asyncio.Task[None]
    serial: int = 0

    def __init__(self, *, clock: Clock = time.time, store: ExchangeStore | None = None) -> None:
        super().__init__()
        self.clock = clock
        self.store = store or exchange_store()
        self.bell = asyncio.Event()
        self.sent: dict[ExchangeId, int] = {}
        self.tasks: list[asyncio.Task[None]] = []
        self.accepted = False
        self.joined = False
        self.over = False

    # The socket's life

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self.guarded(super().__call__(scope, receive, send))
        finally:
            self.stop()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """One message of the client or the channel layer.

        Unlike Channels' own this does not look after database connections on each: what reads the
        database here does so itself.
        """
        handler = getattr(self, get_handler_name(message), None)
        if handler is not None:
            await self.guarded(handler(message))

    async def guarded(self, work: Awaitable[None]) -> None:
        """Do `work`; whatever goes wrong in it closes the socket and says nothing of a frame."""
        try:
            await work
        except StopConsumer:
            raise
        except Exception as error:
            if not isinstance(error, Problem):
                log.error("a socket failed: %s at %s", type(error).__name__, where(error))
            await self.end(*closing(error))

    async def connect(self) -> None:
        # For what is recorded on this socket's behalf; its tasks are made in a copy of this context.
        context.network.set(context.network_of((self.scope.get("client") or ("",))[0]))
        self.principal = await authenticate(self.scope)
        if self.principal.device_key is None or not (self.principal.is_full or self.principal.is_pending):
            raise AppToken
        if SUBPROTOCOL not in self.scope["subprotocols"]:
            raise SubprotocolRequired
        self.device_key = b64url(self.principal.device_key)
        await self.complete_upgrade()
        await self.join()

    async def complete_upgrade(self) -> None:
        self.accepted = True
        await self.accept(SUBPROTOCOL if SUBPROTOCOL in self.scope["subprotocols"] else None)

    async def join(self) -> None:
        """Become the device's one socket, and begin to send."""
        device = self.principal.device
        bells.hang(device, self.bell)
        self.joined = True
        await self.channel_layer.group_add(device_group(device), self.channel_name)
        self.serial = await presence.arrive(device)
        await self.channel_layer.group_send(
            device_group(device), {"type": "device.superseded", "serial": self.serial}
        )
        await self.say(
            server_frames.hello(
                device=device,
                scope=self.principal.scope,
                account=account_text(self.principal.username, settings.HVX_HOST),
                now=self.clock(),
            )
        )
        self.tasks = [
            asyncio.create_task(self.guarded(self.hand_over_for_ever())),
            asyncio.create_task(self.guarded(self.stay())),
        ]

    def stop(self) -> None:
        """Say nothing more; twice does no harm."""
        self.over = True
        for task in self.tasks:
            task.cancel()
        if self.joined:
            bells.take_down(self.principal.device, self.bell)

    async def disconnect(self, code: int) -> None:
        self.stop()
        if self.joined:
            device = self.principal.device
            # What cannot be told now runs out by itself.
            with contextlib.suppress(*UNREACHABLE):
                await self.channel_layer.group_discard(device_group(device), self.channel_name)
                await presence.leave(device, self.serial)

    async def stay(self) -> None:
        """Keep the device present, and notice its end even if the message about it was lost.

        The first look comes soon, for an end that fell between the token's check and the joining of
        the group.
        """
        for pause in itertools.chain([FIRST_LOOK_SECONDS], itertools.repeat(presence.PRESENT_SECONDS / 2)):
            await asyncio.sleep(pause)
            if self.over:
                return
            # There is a next time for what cannot be asked or told now, and no frame is taken unasked.
            with contextlib.suppress(*UNREACHABLE):
                await self.standing()
                await presence.stay(self.principal.device, self.serial)

    async def standing(self) -> state.State:
        """The device's state now; the socket of one that may not speak any more is closed.

        So is that of one that has become pending since it was greeted: it may come again as pending.
        """
        current = await state.current(self.principal.device)
        if current == "ended":
            await self.end(CLOSE_REVOKED, DeviceRevoked.code)
        elif current == "unknown" or (current == "pending" and self.principal.is_full):
            await self.end(CLOSE_REFUSED, InvalidToken.code)
        return current

    async def say(self, text: str) -> None:
        if self.over:
            return
        try:
            await self.send(text_data=text)
        except OSError:
            # The client is gone; its `websocket.disconnect` is on the way.
            self.over = True

    async def end(self, code: int, reason: str) -> None:
        if self.over:
            return
        self.over = True
        self.bell.set()
        with contextlib.suppress(OSError):
            if not self.accepted:
                # A browser shows a page nothing of an upgrade that was refused.
                await self.complete_upgrade()
            await self.close(code, reason)

    # From the client

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        exchange: str | None = None
        try:
            current = await self.standing()
            if self.over:
                return
            if text_data is None:
                raise BadFrame("A frame is text, not binary.")
            frame = parse(text_data)
            exchange = frame.exchange
            await self.take(frame, active=current == "active")
        except Refused as refused:
            await self.say(server_frames.error(refused.exchange, refused.code, refused.detail))
        except (Problem, *UNREACHABLE) as error:
            if problem := problem_of(error):
                await self.say(server_frames.error(exchange, problem.code, problem.title))

    async def take(self, frame: Frame, *, active: bool) -> None:
        """Record the frame, then speak. Raises Refused and Problem, with nothing changed."""
        sender = Sender(self.principal.device, self.device_key, active)
        now = self.clock()
        if frame.type == "request":
            await self.request(frame, sender, now)
        else:
            await self.record(lambda desk: desk.take(frame, sender, now), reason=frame.reason)

    async def request(self, frame: Frame, sender: Sender, now: float) -> None:
        asker = (self.principal.account_id, sender.device)
        asking = await queries.asking(asker)
        if asking is None:
            # It has ended, or has another hash, since its state was read.
            state.forget(sender.device)
            await self.standing()
            raise UnknownDevice(exchange=frame.exchange)
        await self.record(lambda desk: desk.request(frame, sender, asking, now))
        # An end between the question and the recording found no exchange to end; every later one does.
        again = await queries.asking(asker)
        for device in {sender.device} if again is None else {*asking.active} - {*again.active}:
            await self.record(partial(Desk.without, device=device, now=now))

    async def record(self, change: Change, *, reason: str | None = None) -> None:
        woken = await journal.transact(
            self.store, self.principal.account_id, change, by=self.principal.device, reason=reason
        )
        await bells.ring(woken, everywhere=self.store.shared)

    # To the client

    async def hand_over_for_ever(self) -> None:
        """Send what the desk holds for this device, whenever the bell rings or time is up."""
        device, account_id = self.principal.device, self.principal.account_id
        while not self.over:
            self.bell.clear()
            desk = await self.store.read(account_id)
            now = self.clock()
            if desk.next_change <= now:
                await self.record(lambda desk: desk.aged(self.clock()))
                continue
            await self.hand_over(desk)
            deadline = desk.deadline_of(device)
            try:
                async with asyncio.timeout(None if deadline is None else deadline - now):
                    await self.bell.wait()
            except TimeoutError:
                continue

    async def hand_over(self, desk: Desk) -> None:
        parted = False
        for exchange, parcel in desk.unsent(self.principal.device, self.sent):
            await self.say(parcel.text)
            if self.over:
                # The client may not have it. It stays on the desk for the device's next socket.
                return
            self.sent[exchange] = parcel.serial
            parted = parted or parcel.parting
        if parted:
            # Many a client leaves upon such a frame; that it has been handed over is recorded all the same.
            self.recording = asyncio.create_task(self.guarded(self.record_handing_over(dict(self.sent))))
            await asyncio.shield(self.recording)
        self.sent = {id: serial for id, serial in self.sent.items() if id in desk.exchanges}

    async def record_handing_over(self, sent: dict[ExchangeId, int]) -> None:
        await self.record(lambda desk: (desk.handed_over(self.principal.device, sent), frozenset()))

    # From the channel layer

    async def exchange_wake(self, message: dict[str, Any]) -> None:
        self.bell.set()

    async def device_ended(self, message: dict[str, Any]) -> None:
        await self.end(CLOSE_REVOKED, DeviceRevoked.code)

    async def device_replaced(self, message: dict[str, Any]) -> None:
        """The device has become pending, or has another hash."""
        state.forget(self.principal.device)
        await self.standing()

    async def device_superseded(self, message: dict[str, Any]) -> None:
        if self.serial < message["serial"]:
            await self.end(CLOSE_SUPERSEDED, "superseded")

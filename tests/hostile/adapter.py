"""The kit's adapter for this project's client: `python -m tests.hostile.adapter [--without CHECK]`.

Reads commands and writes events, a JSON object a line, as docs/hostile-relay.md describes. An
example for authors of other clients, and with `--without` a client that the kit must catch.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection

from client import approval, login, registration
from client.cli.exits import ending_of
from client.device import ThisDevice
from client.faults import Fault
from client.handoff import ExistingHandoff, NewHandoff, Offers, Outcome, next_offer
from client.profile import ProfileFolder
from client.protocol.effects import Adopt, Ended
from client.protocol.encoding import DeviceHash
from client.protocol.frames import Offer
from client.protocol.qr import QRCode
from client.protocol.reasons import Refused
from client.socket import Socket
from tests.hostile import vectors
from tests.hostile.attack import NO_SERVER_TEXT
from tests.hostile.careless import without

Body = dict[str, Any]
Say = Callable[[Body], None]


class Person:
    """Shows what the client shows, and answers what the kit has its user answer."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._asked: asyncio.Future[Any] | None = None

    def answer(self, given: object) -> None:
        """What the user typed or tapped."""
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(given)

    async def show_code(self, code: str) -> None:
        self._say({"event": "code", "digits": code})

    async def show_return_code(self, code: str) -> None:
        self._say({"event": "code", "digits": code})

    async def agree(self, offer: Offer, by_qr: bool) -> bool:
        return bool(await self._ask({"event": "offer", "device": offer.request.device}))

    async def ask_code(self) -> str:
        return str(await self._ask({"event": "ask"}))

    async def ask_return_code(self) -> str:
        return str(await self._ask({"event": "ask"}))

    async def _ask(self, question: Body) -> Any:
        # A later question takes the place of an earlier one.
        self._asked = asyncio.get_running_loop().create_future()
        self._say(question)
        return await self._asked


class CarelessSocket(Socket):
    """Shows whatever the server says."""

    show: Say

    async def _open(self) -> None:
        await super()._open()
        assert self._connection is not None
        receive = self._connection.recv

        async def recv(decode: bool | None = None) -> str | bytes:
            text = await receive(decode)
            self.show({"event": "screen", "text": str(text)})
            return text

        _replace_recv(self._connection, recv)


class Adapter:
    """One client in one role. `lacks` is a check that it does without."""

    def __init__(self, home: Path, say: Say, *, lacks: str | None = None) -> None:
        self._folder = ProfileFolder(home)
        self._say = say
        self._lacks = lacks
        self._person = Person(say)
        self._device: ThisDevice | None = None
        self._ahead = 0.0
        self._busy: asyncio.Task[None] | None = None

    async def run(self, next_command: Callable[[], Awaitable[Body]]) -> None:
        """Do as told until `quit`."""
        try:
            while (command := await next_command())["do"] != "quit":
                self._obey(command)
        finally:
            await self._stop()

    def _obey(self, command: Body) -> None:
        match command["do"]:
            case "type":
                self._person.answer(command["digits"])
            case "answer":
                self._person.answer(command["yes"])
            case "advance":
                self._ahead += command["seconds"]
                self._say({"event": "advanced"})
            case "vector":
                self._say({"event": "vector", "values": vectors.work_out(command["inputs"])})
            case "keys":
                self._say({"event": "keys", "fingerprints": self._secret_keys()})
            case "register" | "login" | "approve" | "ask":
                self._busy = asyncio.create_task(self._at_length(command))

    async def _at_length(self, command: Body) -> None:
        try:
            match command["do"]:
                case "register":
                    self._device = await asyncio.to_thread(self._register, command)
                    self._say({"event": "ready"})
                case "login":
                    self._device = await asyncio.to_thread(self._log_in, command)
                    self._say({"event": "ready"})
                case "approve":
                    self._tell(await self._approve(self._here, command["qr"]))
                case "ask":
                    self._tell(await self._ask(self._here, command["to"], command["qr"]))
        except Refused as refused:
            self._say({"event": "ended", "reason": str(refused.reason)})
        except (Fault, OSError) as fault:
            self._say({"event": "fault", "text": str(fault)})

    @property
    def _here(self) -> ThisDevice:
        assert self._device is not None
        return self._device

    def _now(self) -> float:
        return time.time() + self._ahead

    def _register(self, command: Body) -> ThisDevice:
        wanted = registration.Registration(
            command["origin"], command["username"], command["email"], command["password"], "first device"
        )
        return registration.register(wanted, self._folder, None, lambda account, key: None)

    def _log_in(self, command: Body) -> ThisDevice:
        wanted = login.Login(command["origin"], command["username"], command["password"], "second device")
        return login.log_in(wanted, self._folder, None)[0]

    def _socket(self, device: ThisDevice) -> Socket:
        if self._lacks != NO_SERVER_TEXT:
            return Socket(device.identity, device)
        careless = CarelessSocket(device.identity, device)
        careless.show = self._say
        return careless

    async def _approve(self, device: ThisDevice, scanned: str | None) -> Outcome:
        code = None if scanned is None else QRCode.read(scanned)
        offers: Offers = {}
        async with self._socket(device) as socket:
            self._say({"event": "waiting"})
            while True:
                offer, received = await next_offer(socket, offers, self._now)
                if code is None or offer.request.exchange == code.exchange:
                    break
            side = without(approval.consider(device, offer, received), self._lacks)
            handoff = ExistingHandoff(
                side, socket, self._person, device.account_key, clock=self._now, qr=code
            )
            return await handoff.begin()

    async def _ask(self, device: ThisDevice, to: str | None, qr: bool) -> Outcome:
        named = None if to is None else DeviceHash(to)
        asking = await asyncio.to_thread(login.ask_for_key, device, named, qr=qr)
        side = without(asking, self._lacks)
        if side.qr is not None:
            self._say({"event": "qr", "text": side.qr.text()})
        async with self._socket(device) as socket:
            handoff = NewHandoff(side, socket, self._person, self._adopt, clock=self._now)
            return await handoff.run(side.begin(self._now()))

    def _adopt(self, keys: Adopt) -> None:
        login.adopt(self._here, keys)

    def _tell(self, outcome: Outcome) -> None:
        if isinstance(outcome, Ended):
            self._say({"event": "screen", "text": ending_of(outcome.reason, outcome.by).sentence})
            self._say({"event": "ended", "reason": str(outcome.reason)})
        else:
            self._say({"event": "done"})

    def _secret_keys(self) -> list[str]:
        listed = subprocess.run(
            ["gpg", "--homedir", str(self._folder.gnupg_home), "--batch", "--with-colons", "-K"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.splitlines()
        primary = [listed[at + 1] for at, line in enumerate(listed) if line.startswith("sec:")]
        return [line.split(":")[9] for line in primary]

    async def _stop(self) -> None:
        if self._busy is not None:
            self._busy.cancel()
            with suppress(asyncio.CancelledError):
                await self._busy
        if self._device is not None:
            await asyncio.to_thread(self._device.close)


def _replace_recv(connection: ClientConnection, recv: Callable[..., Awaitable[str | bytes]]) -> None:
    connection.recv = recv  # type: ignore[method-assign, assignment]


async def _standard_input() -> Callable[[], Awaitable[Body]]:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )

    async def command() -> Body:
        line = await reader.readline()
        body: Body = json.loads(line) if line else {"do": "quit"}
        return body

    return command


def _say_aloud(event: Body) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


async def _main(lacks: str | None) -> None:
    adapter = Adapter(Path(os.environ["HVX_HOSTILE_HOME"]), _say_aloud, lacks=lacks)
    await adapter.run(await _standard_input())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without", metavar="CHECK", help="leave out this check")
    asyncio.run(_main(parser.parse_args().without))

"""People with devices, for scenarios: the reference client as a library, and scripted users."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from client import approval, login, registration
from client.device import ThisDevice
from client.handoff import ExistingHandoff, NewHandoff, Outcome, next_offer
from client.profile import ProfileFolder
from client.protocol.frames import Offer
from client.socket import Socket

# Words that stand out in a search and look like nobody's real password.
PASSWORD = "correct-horse-planted-battery"
EMAIL = "planted.alice@example.org"


def register(origin: str, home: Path, username: str = "alice", email: str = EMAIL) -> ThisDevice:
    """An account whose first device lives in `home`."""
    return registration.register(
        registration.Registration(origin, username, email, PASSWORD, f"first of {username}"),
        ProfileFolder(home),
        None,
        lambda account, key: None,
    )


def sign_in(origin: str, home: Path, username: str = "alice", name: str = "second") -> ThisDevice:
    """A pending device of the account."""
    device, _ = login.log_in(login.Login(origin, username, PASSWORD, name), ProfileFolder(home), None)
    return device


def hand_over_by_back_up(existing: ThisDevice, new: ThisDevice) -> None:
    """Make `new` active without an exchange."""
    login.take_back_up(new, existing.home.give_secret(existing.profile.fingerprint))
    login.activate(new)


@dataclass
class Table:
    """Where the two devices lie side by side, so that a person reads one and types on the other."""

    code: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    return_code: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    asked_for_code: asyncio.Event = field(default_factory=asyncio.Event)
    may_type: asyncio.Event = field(default_factory=asyncio.Event)
    everyone_agrees: asyncio.Barrier = field(default_factory=lambda: asyncio.Barrier(1))


class NewPerson:
    """Shows the six digits to the table, and types the four that appear there."""

    def __init__(self, table: Table) -> None:
        self.table = table

    async def show_code(self, code: str) -> None:
        await self.table.code.put(code)

    async def ask_return_code(self) -> str:
        return await self.table.return_code.get()


class ExistingPerson:
    """Agrees together with everyone who was asked, and types the six digits once `table.may_type` is set."""

    def __init__(self, table: Table) -> None:
        self.table = table

    async def agree(self, offer: Offer, by_qr: bool) -> bool:
        await self.table.everyone_agrees.wait()
        return True

    async def ask_code(self) -> str:
        self.table.asked_for_code.set()
        await self.table.may_type.wait()
        return await self.table.code.get()

    async def show_return_code(self, code: str) -> None:
        await self.table.return_code.put(code)


async def ask(device: ThisDevice, table: Table) -> Outcome:
    """The new device's side, to its end."""
    async with Socket(device.identity, device) as line:
        side = await asyncio.to_thread(login.ask_for_key, device, None, qr=False)
        handoff = NewHandoff(side, line, NewPerson(table), lambda keys: login.adopt(device, keys))
        return await handoff.run(side.begin(handoff.clock()))


async def approve(device: ThisDevice, table: Table, online: asyncio.Event | None = None) -> Outcome:
    """The existing device's side, from the first offer to its end; sets `online` when it listens."""
    async with Socket(device.identity, device) as line:
        if online is not None:
            online.set()
        offer, received = await next_offer(line, {})
        side = approval.consider(device, offer, received)
        handoff = ExistingHandoff(side, line, ExistingPerson(table), device.account_key)
        return await handoff.begin()

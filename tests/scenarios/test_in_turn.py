"""One existing device serves several new ones, one after the other, over one socket."""

import asyncio
from pathlib import Path

import pytest

from client import approval
from client.handoff import ExistingHandoff, Offers, Outcome, next_offer
from client.protocol.effects import Done
from client.socket import Socket
from tests.live import LiveServer
from tests.scenarios.people import ExistingPerson, Table, ask, register, sign_in

pytestmark = pytest.mark.needs("gnupg")


async def test_two_new_devices_get_the_key_in_turn_over_one_socket(tmp_path: Path) -> None:
    with LiveServer(tmp_path) as server:
        first = await asyncio.to_thread(register, server.url, tmp_path / "first")
        news = [
            await asyncio.to_thread(sign_in, server.url, tmp_path / name, name=name)
            for name in ("second", "third")
        ]
        tables = [Table(), Table()]
        for table in tables:
            table.may_type.set()

        async def ask_in_turn() -> list[Outcome]:
            return [await ask(new, table) for new, table in zip(news, tables, strict=True)]

        asking = asyncio.create_task(ask_in_turn())
        offers: Offers = {}
        async with asyncio.timeout(60), Socket(first.identity, first) as line:
            for table in tables:
                # Awaited at once, with no pause in which an earlier reader could yet go away.
                offer, received = await next_offer(line, offers)
                side = approval.consider(first, offer, received)
                handoff = ExistingHandoff(side, line, ExistingPerson(table), first.account_key)
                assert await handoff.begin() == Done()
                offers |= handoff.offers
        assert await asking == [Done(), Done()]
        for device in (first, *news):
            assert device.has_account_key()
            device.close()

"""One existing device serves several new ones, one after the other, over one socket."""

import asyncio
from pathlib import Path

import pytest

from client import approval
from client.handoff import ExistingHandoff, Offers, next_offer
from client.protocol.effects import Done
from client.socket import Socket
from tests.live import LiveServer
from tests.scenarios.people import ExistingPerson, Table, ask, register, sign_in

pytestmark = pytest.mark.needs("gnupg")


async def test_two_new_devices_get_the_key_in_turn_over_one_socket(tmp_path: Path) -> None:
    with LiveServer(tmp_path) as server:
        first = await asyncio.to_thread(register, server.url, tmp_path / "first")
        offers: Offers = {}
        async with Socket(first.identity, first) as line:
            for name in ("second", "third"):
                new = await asyncio.to_thread(sign_in, server.url, tmp_path / name, name=name)
                table = Table()
                table.may_type.set()
                asking = asyncio.create_task(ask(new, table))
                offer, received = await asyncio.wait_for(next_offer(line, offers), 30)
                side = approval.consider(first, offer, received)
                handoff = ExistingHandoff(side, line, ExistingPerson(table), first.account_key)
                assert await asyncio.wait_for(handoff.begin(), 30) == Done()
                offers |= handoff.offers
                assert await asyncio.wait_for(asking, 30) == Done()
                assert new.has_account_key()
                new.close()
        first.close()

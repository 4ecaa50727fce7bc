"""Two workers, one account: what must happen once happens once."""

import asyncio
from pathlib import Path

import pytest

from client.protocol.effects import Done, Ended
from client.protocol.reasons import Reason
from hvx.layers import SealedRedisChannelLayer
from tests.live import LiveServer
from tests.scenarios.people import Table, approve, ask, hand_over_by_back_up, register, sign_in

pytestmark = pytest.mark.needs("gnupg", "redis", "postgres")

# An accept that another device overtook counts as one that failed, and after three of them in an hour a
# device agrees to nothing: with more rounds than three the one that is slower would stay away.
ROUNDS = 3


async def test_of_two_devices_that_approve_at_once_on_two_workers_exactly_one_wins(
    tmp_path: Path,
) -> None:
    with LiveServer(tmp_path, cluster=True, env={"HVX_WORKERS": "2"}) as server:
        first = await asyncio.to_thread(register, server.url, tmp_path / "first")
        other = await asyncio.to_thread(sign_in, server.url, tmp_path / "other", name="other")
        await asyncio.to_thread(hand_over_by_back_up, first, other)
        for number in range(ROUNDS):
            new = await asyncio.to_thread(sign_in, server.url, tmp_path / f"new-{number}")
            table = Table(everyone_agrees=asyncio.Barrier(2))
            table.may_type.set()
            online = [asyncio.Event(), asyncio.Event()]
            approving = [
                asyncio.create_task(approve(device, table, event))
                for device, event in zip((first, other), online, strict=True)
            ]
            await asyncio.wait_for(asyncio.gather(*(event.wait() for event in online)), 30)
            asked, *approved = await asyncio.wait_for(asyncio.gather(ask(new, table), *approving), 60)
            assert asked == Done()
            assert approved.count(Done()) == 1
            [lost] = [outcome for outcome in approved if isinstance(outcome, Ended)]
            assert lost.reason in (Reason.WITHDRAWN, Reason.REFUSED_BY_SERVER)
            assert new.has_account_key()
            new.close()
        first.close()
        other.close()


def test_the_channel_layer_waits_longer_for_redis_than_redis_lets_it_wait() -> None:
    # Otherwise every socket that is quiet for five seconds fails.
    layer = SealedRedisChannelLayer()
    [host] = layer.hosts
    assert host["socket_timeout"] is None or host["socket_timeout"] > layer.brpop_timeout

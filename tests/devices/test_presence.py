"""Which devices have a socket open, and which of a device's sockets is the newest."""

import asyncio

from django.core.cache import cache

from devices import presence
from devices.protocol.device_hash import DeviceHash

ONE, OTHER = DeviceHash("a" * 43), DeviceHash("b" * 43)


async def test_nobody_is_online_who_has_not_arrived() -> None:
    assert presence.online([ONE, OTHER]) == set()
    assert presence.online([]) == set()


async def test_who_arrived_is_online_until_the_socket_closes() -> None:
    serial = await presence.arrive(ONE)
    assert presence.online([ONE, OTHER]) == {ONE}
    await presence.leave(ONE, serial)
    assert presence.online([ONE, OTHER]) == set()


async def test_an_older_socket_that_closes_does_not_take_the_newer_ones_presence_away() -> None:
    older = await presence.arrive(ONE)
    newer = await presence.arrive(ONE)
    await presence.leave(ONE, older)
    assert presence.online([ONE]) == {ONE}
    await presence.leave(ONE, newer)
    assert presence.online([ONE]) == set()


async def test_of_many_sockets_that_arrive_at_once_each_has_a_serial_of_its_own() -> None:
    serials = await asyncio.gather(*(presence.arrive(ONE) for _ in range(20)))
    assert len(set(serials)) == 20
    assert await presence.arrive(ONE) > max(serials)


async def test_a_later_socket_has_a_higher_serial_even_after_all_have_left() -> None:
    first = await presence.arrive(ONE)
    await presence.leave(ONE, first)
    assert await presence.arrive(ONE) > first


async def test_who_says_nothing_any_more_is_gone_after_a_minute() -> None:
    serial = await presence.arrive(ONE)
    cache.delete(presence._present_key(ONE))  # as the minute's end does
    assert presence.online([ONE]) == set()
    await presence.stay(ONE, serial)
    assert presence.online([ONE]) == {ONE}

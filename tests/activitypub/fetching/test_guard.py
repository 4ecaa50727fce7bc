"""The guard at the socket: what is judged is the address that is connected to."""

import asyncio
import contextlib
import socket

import aiohttp
import pytest

from activitypub.fetching.errors import DownForNow, Refused
from activitypub.fetching.fetch import Fetcher
from activitypub.fetching.guard import (
    ADDRESSES_PER_NAME,
    AddressForbidden,
    guarded_sockets,
    open_session,
    public_or_loopback,
)
from activitypub.protocol.addresses import is_public
from tests.activitypub.fetching.conftest import reason_of
from tests.activitypub.fetching.peer import INSIDE, OUTSIDE, Names, Peer, document, redirect


def address_info(address: str) -> tuple[object, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    at = (address, 443, 0, 0) if ":" in address else (address, 443)
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", at


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "::1", "::ffff:127.0.0.1", "fe80::1", "fd00::1"],  # noqa: S104
)
def test_no_socket_is_made_for_an_address_that_is_not_public(address: str) -> None:
    with pytest.raises(AddressForbidden):
        guarded_sockets(is_public)(address_info(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111"])
def test_a_socket_is_made_for_a_public_address(address: str) -> None:
    with contextlib.closing(guarded_sockets(is_public)(address_info(address))) as made:
        assert made.type == socket.SOCK_STREAM


@pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.1", "192.168.1.1", "fd00::1", "0.0.0.0"])  # noqa: S104
def test_opening_the_loopback_opens_nothing_else(address: str) -> None:
    assert not public_or_loopback(address)
    assert public_or_loopback(OUTSIDE)
    assert public_or_loopback("::1")


@pytest.mark.parametrize("host", [INSIDE, f"[::ffff:{INSIDE}]", "[::1]", "[::]", "0.0.0.0"])  # noqa: S104
async def test_a_literal_address_asks_no_resolver_and_is_refused_all_the_same(
    host: str, fetcher: Fetcher, inside: Peer, names: Names
) -> None:
    with pytest.raises(Refused) as error:
        await fetcher.fetch(inside.url("/", host))
    assert reason_of(error) == "address_forbidden"
    assert names.asked == []


async def test_a_name_for_an_address_inside_is_refused(fetcher: Fetcher, inside: Peer, names: Names) -> None:
    names.name("inside.example", [INSIDE])
    with pytest.raises(Refused) as error:
        await fetcher.fetch(inside.url("/", "inside.example"))
    assert reason_of(error) == "address_forbidden"


async def test_a_name_all_of_whose_addresses_are_inside_is_refused(
    fetcher: Fetcher, inside: Peer, names: Names
) -> None:
    names.name("inside.example", [INSIDE, "::1", "10.0.0.1", "169.254.169.254"])
    with pytest.raises(Refused) as error:
        await fetcher.fetch(inside.url("/", "inside.example"))
    assert reason_of(error) == "address_forbidden"


async def test_of_a_names_addresses_only_those_outside_are_spoken_to(
    fetcher: Fetcher, peer: Peer, names: Names
) -> None:
    peer.answers["/"] = document({})
    async with Peer(INSIDE) as inside:
        names.name("both.example", [INSIDE, OUTSIDE])
        await fetcher.fetch(peer.url("/", "both.example"))
        assert (peer.connections, inside.connections) == (1, 0)


@pytest.mark.parametrize("host", [INSIDE, "[::1]", f"[::ffff:{INSIDE}]", "inside.example"])
async def test_a_redirect_leads_to_no_address_inside(
    host: str, fetcher: Fetcher, peer: Peer, inside: Peer, names: Names
) -> None:
    names.name("inside.example", [INSIDE])
    peer.answers["/"] = redirect(inside.url("/", host))
    with pytest.raises(Refused) as error:
        await fetcher.fetch(peer.url())
    assert reason_of(error) == "address_forbidden"
    assert peer.connections == 1


async def test_a_redirect_to_where_clouds_tell_their_secrets_is_refused(fetcher: Fetcher, peer: Peer) -> None:
    peer.answers["/"] = redirect("http://169.254.169.254/latest/meta-data/")
    with pytest.raises(Refused) as error:
        await fetcher.fetch(peer.url())
    assert reason_of(error) == "address_forbidden"
    assert error.value.host == "169.254.169.254"


async def test_a_name_that_moves_inside_after_it_was_looked_up_is_refused(
    session: aiohttp.ClientSession, fetcher: Fetcher, peer: Peer, inside: Peer, names: Names
) -> None:
    names.name("moving.example", [OUTSIDE], [INSIDE])
    peer.answers["/"] = document({})
    await fetcher.fetch(peer.url("/", "moving.example"))
    await peer.drop_connections()
    assert isinstance(session.connector, aiohttp.TCPConnector)
    session.connector.clear_dns_cache()
    with pytest.raises(Refused) as error:
        await fetcher.fetch(peer.url("/", "moving.example"))
    assert reason_of(error) == "address_forbidden"
    assert names.asked == ["moving.example"] * 2


async def test_a_name_that_moves_inside_still_has_its_connection_to_the_outside(
    fetcher: Fetcher, peer: Peer, inside: Peer, names: Names
) -> None:
    names.name("moving.example", [OUTSIDE], [INSIDE])
    peer.answers["/"] = document({})
    for _ in range(3):
        await fetcher.fetch(peer.url("/", "moving.example"))
    assert (peer.connections, len(peer.requests)) == (1, 3)


async def test_a_name_with_thousands_of_addresses_costs_a_few_attempts(names: Names, peer: Peer) -> None:
    tried = []

    def note(address: str) -> bool:
        tried.append(address)
        return False

    names.name("wide.example", [f"127.0.{i >> 8}.{i & 255}" for i in range(4000)])
    async with open_session(user_agent="Hvx/test", allowed=note, resolver=names) as session:
        with pytest.raises(Refused):
            await Fetcher(session, plain_http=True).fetch(peer.url("/", "wide.example"))
    assert len(set(tried)) == ADDRESSES_PER_NAME
    assert len(tried) <= ADDRESSES_PER_NAME**2


async def test_a_proxy_of_the_environment_is_not_asked(
    fetcher: Fetcher, peer: Peer, inside: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, inside.url())
        monkeypatch.setenv(name.upper(), inside.url())
    peer.answers["/"] = document({})
    assert (await fetcher.fetch(peer.url())).url == peer.url()


async def test_by_default_nothing_of_this_machine_is_spoken_to(inside: Peer) -> None:
    async with open_session(user_agent="Hvx/test") as session:
        for host in (INSIDE, "localhost"):
            with pytest.raises(Refused) as error:
                await Fetcher(session, plain_http=True).fetch(inside.url("/", host))
            assert reason_of(error) == "address_forbidden"


async def test_no_cookie_of_another_server_is_kept(fetcher: Fetcher, peer: Peer, names: Names) -> None:
    names.name("peer.example", [OUTSIDE])
    peer.answers["/"] = document({}, Set_Cookie="id=1; Path=/")
    await fetcher.fetch(peer.url("/", "peer.example"))
    await fetcher.fetch(peer.url("/", "peer.example"))
    assert ["cookie" in request.headers for request in peer.requests] == [False, False]


async def test_a_session_closes_its_resolver(names: Names) -> None:
    async with open_session(user_agent="Hvx/test", resolver=names):
        assert not names.closed
    assert names.closed


async def test_one_host_gets_no_more_connections_than_it_may_have(
    fetcher: Fetcher, peer: Peer, names: Names
) -> None:
    """And another one beside it is served meanwhile."""
    names.name("other.example", [OUTSIDE])
    go_on = asyncio.Event()

    async def wait(writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        await document({})(writer)

    peer.answers["/slow"] = wait
    peer.answers["/quick"] = document({})
    slow = [asyncio.create_task(fetcher.fetch(peer.url("/slow"))) for _ in range(5)]
    await fetcher.fetch(peer.url("/quick", "other.example"))
    assert peer.connections <= 3
    go_on.set()
    await asyncio.gather(*slow)
    assert len(peer.requests) == 6
    assert peer.connections <= 3


async def test_a_host_that_nobody_knows_or_listens_at_is_down_for_now(fetcher: Fetcher) -> None:
    with pytest.raises(DownForNow) as error:
        await fetcher.fetch("http://unknown.example:8000/")
    assert reason_of(error) == "name_unknown"
    async with Peer() as peer:
        url = peer.url()
    with pytest.raises(DownForNow) as error:
        await fetcher.fetch(url)
    assert reason_of(error) == "unreachable"

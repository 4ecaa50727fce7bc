"""Redirects: followed a little way, each judged and signed as the first URL is."""

from collections.abc import Mapping

import aiohttp
import pytest

from activitypub.fetching.errors import Refused
from activitypub.fetching.fetch import Fetcher
from activitypub.protocol.signatures.policy import Scheme
from tests.activitypub.fetching.conftest import reason_of, refusal
from tests.activitypub.fetching.peer import (
    OUTSIDE,
    Names,
    Peer,
    document,
    redirect,
    status,
)


class Key:
    """Signs by noting what it was asked to sign."""

    def __init__(self) -> None:
        self.key_id = "https://here.example/actor#main-key"
        self.asked: list[tuple[str, str]] = []

    def headers(self, method: str, url: str, scheme: Scheme = Scheme.CAVAGE) -> Mapping[str, str]:
        self.asked.append((method, url))
        return {"Signature": f"{len(self.asked)}"}


@pytest.mark.parametrize("code", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
async def test_three_redirects_are_followed_and_a_fourth_is_not(
    code: str, fetcher: Fetcher, peer: Peer
) -> None:
    for step in range(4):
        peer.answers[f"/{step}"] = redirect(f"/{step + 1}", code)
    peer.answers["/4"] = document({})
    fetched = await fetcher.fetch(peer.url("/1"))
    assert fetched.url == peer.url("/4")
    with pytest.raises(Refused) as error:
        await fetcher.fetch(peer.url("/0"))
    assert reason_of(error) == "too_many_redirects"


async def test_redirects_in_a_circle_end(fetcher: Fetcher, peer: Peer) -> None:
    error = await refusal(fetcher, peer, redirect("/"))
    assert error.reason.value == "too_many_redirects"
    assert len(peer.requests) == 4


async def test_where_redirects_are_refused_none_is_followed(fetcher: Fetcher, peer: Peer) -> None:
    peer.answers["/key"] = redirect("/other")
    with pytest.raises(Refused) as error:
        await fetcher.fetch(peer.url("/key"), redirects=0)
    assert reason_of(error) == "redirected"
    assert [request.target for request in peer.requests] == ["/key"]


async def test_every_hop_is_signed_for_where_it_goes(fetcher: Fetcher, peer: Peer, names: Names) -> None:
    names.name("other.example", [OUTSIDE])
    peer.answers["/a?b=c"] = redirect(peer.url("/d?e=%2F", "other.example"))
    peer.answers["/d?e=%2F"] = document({})
    key = Key()
    await fetcher.fetch(peer.url("/a?b=c"), sign=key)
    assert key.asked == [
        ("GET", peer.url("/a?b=c")),
        ("GET", peer.url("/d?e=%2F", "other.example")),
    ]
    # What was signed is what was sent: request target and host.
    sent = [
        (f"http://{request.host}{request.target}", request.headers["signature"]) for request in peer.requests
    ]
    assert sent == [(key.asked[0][1], "1"), (key.asked[1][1], "2")]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://alice@127.0.0.1/", "bad_url"),
        ("/#fragment", "bad_url"),
        ("ftp://127.0.0.1/", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
        ("http://127.0.0.1:25/", "port"),
        ("http://0x7f.1/", "bad_url"),
        ("/" + "a" * 3000, "bad_url"),
    ],
)
async def test_a_redirect_is_judged_as_the_first_url_is(
    location: str, reason: str, fetcher: Fetcher, peer: Peer
) -> None:
    error = await refusal(fetcher, peer, redirect(location))
    assert isinstance(error, Refused)
    assert error.reason.value == reason


async def test_a_redirect_that_leads_nowhere_is_refused(fetcher: Fetcher, peer: Peer) -> None:
    assert (await refusal(fetcher, peer, status("302 Found"))).reason.value == "bad_redirect"


async def test_https_alone_is_fetched_where_peers_are_not_on_this_machine(
    session: aiohttp.ClientSession, peer: Peer
) -> None:
    error = await refusal(Fetcher(session), peer, document({}))
    assert error.reason.value == "plain_http"
    assert peer.connections == 0

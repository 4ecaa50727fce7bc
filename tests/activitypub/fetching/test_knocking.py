"""A host that does not take one scheme is asked by the other, and by that one from then on."""

from collections.abc import Mapping

import aiohttp
import pytest

from activitypub.fetching.errors import NotFetched
from activitypub.fetching.fetch import Fetcher
from activitypub.fetching.knocking import InMemory
from activitypub.protocol.signatures.policy import Scheme
from tests.activitypub.fetching.peer import Answer, Peer, status, whole

GOOD = whole(b"{}", Content_Type="application/activity+json")


class Key:
    key_id = "https://here.example/actor#main-key"

    def headers(self, method: str, url: str, scheme: Scheme = Scheme.CAVAGE) -> Mapping[str, str]:
        return {"Signature": scheme.value}


def by_scheme(peer: Peer, cavage: Answer, rfc9421: Answer) -> Answer:
    """Answers by how the last request was signed."""

    async def answer(writer):  # type: ignore[no-untyped-def]
        taken = peer.requests[-1].headers.get("signature") == Scheme.RFC9421
        await (rfc9421 if taken else cavage)(writer)

    return answer


def schemes(peer: Peer) -> list[str]:
    return [request.headers.get("signature", "") for request in peer.requests]


async def came(fetcher: Fetcher, url: str, *, signed: bool = True) -> str:
    try:
        await fetcher.fetch(url, sign=Key() if signed else None)
    except NotFetched as error:
        return error.reason.value
    return "ok"


@pytest.mark.parametrize("line", ["400 Bad Request", "401 Unauthorized", "403 Forbidden"])
async def test_what_refuses_one_scheme_is_asked_by_the_other_and_that_is_remembered(
    line: str, fetcher: Fetcher, peer: Peer
) -> None:
    peer.answers["/"] = by_scheme(peer, status(line), GOOD)
    assert await came(fetcher, peer.url()) == "ok"
    assert await came(fetcher, peer.url()) == "ok"
    assert schemes(peer) == ["cavage", "rfc9421", "rfc9421"]


async def test_a_host_that_changes_its_mind_is_asked_as_before(
    session: aiohttp.ClientSession, peer: Peer
) -> None:
    known = InMemory()
    await known.took(peer.url("").partition("//")[2], Scheme.RFC9421)
    fetcher = Fetcher(session, plain_http=True, schemes=known)
    peer.answers["/"] = by_scheme(peer, GOOD, status("401 Unauthorized"))
    assert await came(fetcher, peer.url()) == "ok"
    assert await came(fetcher, peer.url()) == "ok"
    assert schemes(peer) == ["rfc9421", "cavage", "cavage"]


async def test_where_neither_is_taken_the_first_answer_counts_and_nothing_is_remembered(
    fetcher: Fetcher, peer: Peer
) -> None:
    peer.answers["/"] = by_scheme(peer, status("401 Unauthorized"), status("400 Bad Request"))
    for _ in range(2):
        assert await came(fetcher, peer.url()) == "denied"
    assert schemes(peer) == ["cavage", "rfc9421"] * 2


async def test_what_is_not_there_was_asked_for_by_a_scheme_that_is_known(
    fetcher: Fetcher, peer: Peer
) -> None:
    peer.answers["/"] = by_scheme(peer, status("401 Unauthorized"), status("404 Not Found"))
    assert await came(fetcher, peer.url()) == "not_found"
    assert await came(fetcher, peer.url()) == "not_found"
    assert schemes(peer) == ["cavage", "rfc9421", "rfc9421"]


async def test_a_host_that_breaks_down_at_the_second_knock_has_refused_the_first(
    fetcher: Fetcher, peer: Peer
) -> None:
    peer.answers["/"] = by_scheme(peer, status("401 Unauthorized"), status("500 Oops"))
    assert await came(fetcher, peer.url()) == "denied"
    assert await came(fetcher, peer.url()) == "denied"
    assert schemes(peer) == ["cavage", "rfc9421"] * 2


async def test_what_is_not_signed_is_asked_for_once(fetcher: Fetcher, peer: Peer) -> None:
    peer.answers["/"] = status("401 Unauthorized")
    assert await came(fetcher, peer.url(), signed=False) == "denied"
    assert len(peer.requests) == 1


async def test_a_refusal_for_another_reason_is_no_reason_to_knock_again(fetcher: Fetcher, peer: Peer) -> None:
    peer.answers["/"] = status("404 Not Found")
    assert await came(fetcher, peer.url()) == "not_found"
    assert schemes(peer) == ["cavage"]

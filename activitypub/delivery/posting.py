"""One POST to one inbox, bounded in time and in what is read of its answer."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from yarl import URL

from activitypub.delivery.jobs import Fault
from activitypub.delivery.signing import SignedPost
from activitypub.fetching.guard import AddressForbidden
from activitypub.protocol.negotiation import ACTIVITY

SECONDS: Final = 20.0
# A server that is up takes a connection at once. Most that hang are not, and so keep their place for less.
CONNECT_SECONDS: Final = 5.0
# What an inbox says beside its status is read so that the connection can be used again, and thrown away.
MAX_ANSWER_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """What an inbox said. `retry_after` is the header as it came."""

    status: int
    retry_after: str | None


async def post(
    session: aiohttp.ClientSession, what: SignedPost, *, seconds: float = SECONDS
) -> Answer | Fault:
    """Send it. Follows no redirect: whoever is behind one has not been asked for by the actor's document."""
    headers = {"Content-Type": ACTIVITY, **dict(what.headers)}
    answer: Answer | None = None
    try:
        async with (
            asyncio.timeout(seconds),
            session.post(
                URL(what.url, encoded=True),
                data=what.body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            ) as response,
        ):
            answer = Answer(response.status, response.headers.get("Retry-After"))
            await _read_out(response)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # The status is the answer: that the rest breaks off, or hangs, does not take it back.
        # What the error says holds the whole URL: none of it is kept.
        return answer or fault_of(error)
    return answer


async def _read_out(response: aiohttp.ClientResponse) -> None:
    read = 0
    async for part in response.content.iter_any():
        read += len(part)
        if read > MAX_ANSWER_BYTES:
            response.close()
            return


_FAULTS: Mapping[type[Exception], Fault] = {
    TimeoutError: Fault.TIMEOUT,
    aiohttp.InvalidURL: Fault.BAD_URL,
    aiohttp.ClientConnectorDNSError: Fault.NAME_UNKNOWN,
    aiohttp.ClientSSLError: Fault.TLS,
    ssl.SSLError: Fault.TLS,
}


def fault_of(error: Exception) -> Fault:
    """Why there was no answer."""
    for kind, fault in _FAULTS.items():
        if isinstance(error, kind):
            return fault
    if isinstance(error, aiohttp.ClientConnectorError):
        forbidden = isinstance(error.os_error, AddressForbidden)
        return Fault.ADDRESS_FORBIDDEN if forbidden else Fault.UNREACHABLE
    return Fault.BROKEN_OFF

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
    try:
        async with (
            asyncio.timeout(seconds),
            session.post(
                URL(what.url, encoded=True), data=what.body, headers=headers, allow_redirects=False
            ) as response,
        ):
            await _read_out(response)
            return Answer(response.status, response.headers.get("Retry-After"))
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # What it says holds the whole URL: none of it is kept.
        return fault_of(error)


async def _read_out(response: aiohttp.ClientResponse) -> None:
    read = 0
    try:
        async for part in response.content.iter_any():
            read += len(part)
            if read > MAX_ANSWER_BYTES:
                response.close()
                return
    except aiohttp.ClientError:
        # The status is the answer; that the rest breaks off does not take it back.
        response.close()


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

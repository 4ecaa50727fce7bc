"""Getting one document from another server: bounded in size, time and redirects."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from django.utils import timezone
from yarl import URL

from activitypub.fetching.errors import DownForNow, Gone, NotFetched, NotFound, Reason, Refused
from activitypub.fetching.guard import AddressForbidden
from activitypub.fetching.kinds import ACTIVITY_DOCUMENT, Kind
from activitypub.fetching.knocking import OTHER, UNLIKED, InMemory, Schemes
from activitypub.fetching.manners import Manners
from activitypub.fetching.targets import Target, redirected, target
from activitypub.protocol.documents.reading import MAX_BYTES
from activitypub.protocol.retry import retry_after
from activitypub.protocol.signatures.policy import Scheme

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LATER = frozenset({408, 425, 429})
_PATIENCE = frozenset({429, 503})
# A 500 says something of one document, and whoever finds one is not to shut us out of a whole host.
_DOWN_FROM = 502


class Signer(Protocol):
    """Signs GETs with one key."""

    @property
    def key_id(self) -> str:
        """Whose key it is: two signers of one key id are answered alike."""

    def headers(self, method: str, url: str, scheme: Scheme = Scheme.CAVAGE) -> Mapping[str, str]:
        """What is added to a request so that it is signed. `url` is as it goes over the wire, and the
        request's Host is the `host[:port]` that stands in it."""


@dataclass(frozen=True)
class Limits:
    """What one document may cost us. Bytes are counted after decompression, seconds from first to last."""

    seconds: float = 10.0
    bytes: int = MAX_BYTES
    redirects: int = 3


@dataclass(frozen=True)
class Fetched:
    """An answer. `url` is where it was in the end, as it went over the wire."""

    url: str
    content_type: str
    body: bytes


class Fetcher:
    """Fetches through a guarded session, in whose loop alone it may be used.

    `plain_http` lets http pass beside https: for peers on this machine. `schemes` by which hosts are asked
    outlive it.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        plain_http: bool = False,
        limits: Limits | None = None,
        manners: Manners | None = None,
        schemes: Schemes | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.plain_http = plain_http
        self._session = session
        self._manners = manners or Manners()
        self._schemes = schemes or InMemory()

    async def fetch(
        self,
        url: str,
        *,
        kind: Kind = ACTIVITY_DOCUMENT,
        sign: Signer | None = None,
        redirects: int | None = None,
    ) -> Fetched:
        """Get what stands at a URL. Every redirect is judged, connected to and signed like the first URL.

        `redirects`: how many are followed; with 0 the answer comes from the URL itself, as for a document
        with a key. Raises Gone, NotFound, DownForNow, Refused.
        """
        most = self.limits.redirects if redirects is None else redirects
        at = target(url, plain_http=self.plain_http)
        async with self.deadline(at.host):
            for _ in range(most + 1):
                answer = await self._ask(at, kind, sign)
                if isinstance(answer, Fetched):
                    return answer
                at = answer
        raise Refused(Reason.TOO_MANY_REDIRECTS if most else Reason.REDIRECTED, at.host)

    @contextlib.asynccontextmanager
    async def deadline(self, host: str, *, documents: int = 1) -> AsyncIterator[None]:
        """All that is awaited within has the time of so many documents together, or is DownForNow
        (timeout)."""
        try:
            async with asyncio.timeout(self.limits.seconds * documents):
                yield
        except TimeoutError:
            raise DownForNow(Reason.TIMEOUT, host) from None

    async def _ask(self, at: Target, kind: Kind, sign: Signer | None) -> Fetched | Target:
        """The answer, or where it leads."""
        async with self._manners.place(at.host):
            if sign is None:
                return _taken(await self._get(at, kind, {}))
            scheme = await self._schemes.of(at.host)
            first = await self._get(at, kind, sign.headers("GET", at.url, scheme))
            if not isinstance(first, Refused):
                return first
            scheme = OTHER[scheme]
            try:
                second = await self._get(at, kind, sign.headers("GET", at.url, scheme))
            except DownForNow:
                raise first from None
            except NotFetched:
                await self._schemes.took(at.host, scheme)
                raise
            # Where neither is taken, the first answer is what the host thinks of us.
            if isinstance(second, Refused):
                raise first
            await self._schemes.took(at.host, scheme)
            return second

    async def _get(self, at: Target, kind: Kind, signed: Mapping[str, str]) -> Fetched | Target | Refused:
        """The answer; where it leads; or Refused where the signature, or the want of one, is not liked."""
        headers = {"Accept": kind.accept, **signed}
        # Encoded already: what is asked for is what was judged and signed, byte for byte.
        url = URL(at.url, encoded=True)
        began = asyncio.get_running_loop().time()
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                self._heard(at.host, response)
                if response.status in UNLIKED:
                    return _unliked(response.status, at.host)
                if response.status in _REDIRECTS:
                    return redirected(at, response.headers.get("Location"), plain_http=self.plain_http)
                _require_success(response.status, at.host)
                types = response.headers.getall("Content-Type", [])
                if len(types) != 1 or not kind.is_type(types[0]):
                    raise Refused(Reason.CONTENT_TYPE, at.host)
                return Fetched(at.url, types[0], await self._body(response, at.host))
        except (aiohttp.ClientError, OSError) as error:
            fault = _fault(error, at.host)
            if isinstance(fault, DownForNow):
                self._manners.silent(at.host)
            # What aiohttp says holds the whole URL: none of it is kept.
            raise fault from None
        except asyncio.CancelledError:
            # The time was over. Who had waited for a place for most of it has learned nothing of the host.
            if asyncio.get_running_loop().time() - began >= self.limits.seconds / 2:
                self._manners.silent(at.host)
            raise

    def _heard(self, host: str, response: aiohttp.ClientResponse) -> None:
        """What the answer's head says of the host."""
        status = response.status
        patience = None
        if status in _PATIENCE:
            patience = retry_after(response.headers.get("Retry-After"), timezone.now())
        well = status < _DOWN_FROM and status not in _LATER
        self._manners.answered(host, well=well, patience=patience)

    async def _body(self, response: aiohttp.ClientResponse, host: str) -> bytes:
        body = bytearray()
        # Decompressed bit by bit, so a body that would grow beyond measure is dropped when it has not yet.
        async for part in response.content.iter_any():
            body += part
            if len(body) > self.limits.bytes:
                raise Refused(Reason.TOO_LARGE, host)
        return bytes(body)


def _require_success(status: int, host: str) -> None:
    if status == 200:
        return
    if status == 410:
        raise Gone(Reason.GONE, host)
    if status == 404:
        raise NotFound(Reason.NOT_FOUND, host)
    if status in _LATER:
        raise DownForNow(Reason.TRY_LATER, host)
    if status >= 500:
        raise DownForNow(Reason.SERVER_ERROR, host)
    raise Refused(Reason.BAD_STATUS, host)


def _unliked(status: int, host: str) -> Refused:
    return Refused(Reason.BAD_STATUS if status == 400 else Reason.DENIED, host)


def _taken(answer: Fetched | Target | Refused) -> Fetched | Target:
    if isinstance(answer, Refused):
        raise answer
    return answer


def _fault(error: Exception, host: str) -> NotFetched:
    match error:
        case TimeoutError():
            return DownForNow(Reason.TIMEOUT, host)
        case aiohttp.InvalidURL():
            return Refused(Reason.BAD_URL, host)
        case aiohttp.ClientConnectorDNSError():
            return DownForNow(Reason.NAME_UNKNOWN, host)
        case aiohttp.ClientSSLError():
            return DownForNow(Reason.TLS, host)
        case aiohttp.ClientConnectorError(os_error=AddressForbidden()):
            return Refused(Reason.ADDRESS_FORBIDDEN, host)
        case aiohttp.ClientConnectorError():
            return DownForNow(Reason.UNREACHABLE, host)
        case _:
            return DownForNow(Reason.BROKEN_OFF, host)

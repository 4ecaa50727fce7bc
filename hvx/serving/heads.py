"""HTTP by uvicorn's own protocol, with a bound that it leaves open: how long a request's head may take.

A connection that sends nothing, or a head letter by letter, would else be held until its sender tires.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0


class BoundedHeads(HttpToolsProtocol):
    """Closes a connection whose next head is not whole so long after it was opened or the head began.

    Between an answer and the next head uvicorn's own bound holds.
    """

    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._overdue is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._cancel()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._overdue = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._overdue = None
        self.transport.abort()

    def _cancel(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

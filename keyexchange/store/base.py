"""What a store of desks promises."""

from collections.abc import Callable
from typing import Protocol

from keyexchange.protocol.desk import Desk
from keyexchange.protocol.exchange import Woken

Change = Callable[[Desk], tuple[Desk, Woken]]


class ExchangeStore(Protocol):
    """Desks by account id.

    What is relayed leaves the store within 120 s of the request, whether or not anybody calls.
    """

    shared: bool
    """Whether other processes see the same desks."""

    async def transact(self, account_id: str, change: Change) -> Woken:
        """Replace the desk by what `change` makes of it, atomically; gives whom there is news for.

        `change` is pure and may be called again. Where it raises, nothing is changed and the
        exception goes on. Raises StorageUnavailable.
        """

    async def read(self, account_id: str) -> Desk:
        """The desk as last saved, empty where there is none. Raises StorageUnavailable."""

    async def close(self) -> None:
        """Give back what was opened on the running loop."""

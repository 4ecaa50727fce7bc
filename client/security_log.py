"""What the server wrote down of this account. Its word, like all that it says: for the user to read."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

from client.device import ThisDevice
from client.directory import pages
from client.faults import NoAnswer
from client.text import clean


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A row of `GET me/security-log`, cleaned for showing. `device` is empty where it is not known."""

    at: str
    event: str
    device: str
    same_network: bool | None
    details: str


def read(device: ThisDevice, most: int) -> list[LoggedEvent]:
    """The newest events, `most` at most."""
    try:
        return [_event(row) for row in islice(pages(device.api, "me/security-log"), most)]
    except (KeyError, TypeError, AttributeError) as fault:
        raise NoAnswer("The server's security log is not of the protocol.") from fault


def _event(row: dict[str, Any]) -> LoggedEvent:
    details = ", ".join(f"{name} {value}" for name, value in row["details"].items())
    known = row["same_network"]
    return LoggedEvent(
        at=clean(str(row["at"]), 40),
        event=clean(str(row["event"]), 40).replace("_", " "),
        device=clean(str(row["device"] or ""), 64),
        same_network=known if isinstance(known, bool) else None,
        details=clean(details, 120),
    )

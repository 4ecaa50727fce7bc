"""One host as an operator names it, and what may be done with what it is owed, each told in a sentence."""

from django.utils import timezone

from activitypub.protocol.uris import origin_of
from activitypub.services import hosts


def address_of(typed: str) -> str | None:
    """The `host[:port]` that somebody typed, as it stands in rows; None where it is none."""
    origin = origin_of(f"https://{typed.strip()}")
    return None if origin is None or set(typed) & set("/?#") else origin.authority


def retry(name: str) -> str:
    """Try all that a host is owed now."""
    return f"{hosts.retry(name, timezone.now())} deliveries to {name} are due now."


def pause(name: str) -> str:
    """Deliver nothing to a host until it is resumed."""
    hosts.pause(name)
    return f"Nothing is delivered to {name} until it is resumed. What it is owed is kept."


def resume(name: str) -> str:
    """Deliver to a host again."""
    hosts.resume(name)
    return f"Deliveries to {name} go out again."


def clear(name: str) -> str:
    """Forget all that a host is owed."""
    return f"{hosts.clear(name)} deliveries to {name} are forgotten, and so is how it failed."

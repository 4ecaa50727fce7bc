"""How often one network or account may learn that an e-mail address has an account."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from typing import cast

from django.core.cache import cache

from accounts.errors import EmailTaken, RateLimited
from vault import keys

WINDOW_SECONDS = 3600
EMAIL_TAKEN_ANSWERS = 5


@contextmanager
def email_taken_answers(asker: str) -> Iterator[None]:
    """Around what may raise EmailTaken; counts when it does. `asker` is a network or an account.

    Raises RateLimited where the asker was told so five times in the hour.
    """
    counter = _counter(asker)
    if cast(int, cache.get(counter, 0)) >= EMAIL_TAKEN_ANSWERS:
        raise RateLimited(headers={"Retry-After": str(WINDOW_SECONDS)})
    try:
        yield
    except EmailTaken:
        _count(counter)
        raise


def network(address: str) -> str:
    """Whom an address stands for: of IPv6 its /64, which one household has to itself (RFC 6177)."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return parsed.exploded[:19]


def _counter(asker: str) -> str:
    # Keyed, so that the cache holds no address that a list of all addresses could give back.
    digest = hmac.digest(keys.derive("throttle"), asker.encode(), "sha256").hex()
    return f"throttle:email-taken:{digest}"


def _count(counter: str) -> None:
    cache.add(counter, 0, timeout=WINDOW_SECONDS)
    try:
        cache.incr(counter)
    except ValueError:
        # The window ended between the two calls; a new one begins with this answer.
        cache.add(counter, 1, timeout=WINDOW_SECONDS)

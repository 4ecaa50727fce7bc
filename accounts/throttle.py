"""How often one network or account may be refused in ways that tell something."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from typing import cast

from django.core.cache import cache

from accounts.errors import EmailTaken, RateLimited
from audit.errors import Problem
from devices.errors import ChallengeInvalid
from vault import keys

WINDOW_SECONDS = 3600
EMAIL_TAKEN_ANSWERS = 5
REFUSED_RESETS = 10


@contextmanager
def email_taken_answers(asker: str) -> Iterator[None]:
    """Around what may raise EmailTaken. `asker` is a network or an account.

    Raises RateLimited where the asker was told so five times in the hour.
    """
    with _counted("email-taken", asker, EmailTaken, most=EMAIL_TAKEN_ANSWERS):
        yield


@contextmanager
def refused_resets(asker: str) -> Iterator[None]:
    """Around a password reset, whose refusals all look alike but need not take alike long.

    Raises RateLimited where the network was refused ten times in the hour: too few to tell by time
    whether an address has an account.
    """
    with _counted("refused-reset", asker, ChallengeInvalid, most=REFUSED_RESETS):
        yield


@contextmanager
def _counted(what: str, asker: str, refusal: type[Problem], *, most: int) -> Iterator[None]:
    counter = _counter(what, asker)
    if cast(int, cache.get(counter, 0)) >= most:
        raise RateLimited(headers={"Retry-After": str(WINDOW_SECONDS)})
    try:
        yield
    except refusal:
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


def _counter(what: str, asker: str) -> str:
    # Keyed, so that the cache holds no address that a list of all addresses could give back.
    digest = hmac.digest(keys.derive("throttle"), asker.encode(), "sha256").hex()
    return f"throttle:{what}:{digest}"


def _count(counter: str) -> None:
    cache.add(counter, 0, timeout=WINDOW_SECONDS)
    try:
        cache.incr(counter)
    except ValueError:
        # The window ended between the two calls; a new one begins with this answer.
        cache.add(counter, 1, timeout=WINDOW_SECONDS)

"""How often one network may learn that an e-mail address has an account."""

import hmac
from typing import cast

from django.core.cache import cache

from accounts.errors import RateLimited
from vault import keys

WINDOW_SECONDS = 3600
EMAIL_TAKEN_ANSWERS = 5


def _counter(address: str) -> str:
    # Keyed, so that the cache holds no address that a list of all addresses could give back.
    digest = hmac.digest(keys.derive("throttle"), address.encode(), "sha256").hex()
    return f"throttle:email-taken:{digest}"


def check_email_answers(address: str) -> None:
    """Raises RateLimited where this network was told `email_taken` five times in the hour."""
    if cast(int, cache.get(_counter(address), 0)) >= EMAIL_TAKEN_ANSWERS:
        raise RateLimited(headers={"Retry-After": str(WINDOW_SECONDS)})


def count_email_answer(address: str) -> None:
    """One more `email_taken` for this network."""
    counter = _counter(address)
    cache.add(counter, 0, timeout=WINDOW_SECONDS)
    try:
        cache.incr(counter)
    except ValueError:
        # The window ended between the two calls; a new one begins with this answer.
        cache.add(counter, 1, timeout=WINDOW_SECONDS)

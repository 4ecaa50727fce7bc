"""How often one may fail, ask or be told, by device, by login and by network.

Failures count, and of passwords, more widely, each that is computed. Everything is counted in the
cache that all workers share, under keyed names. Numbers and reasons: docs/decisions/0022.
"""

import hmac
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Self

from django.conf import settings
from django.core.cache import cache

from accounts.errors import EmailTaken, RateLimited
from accounts.protocol.names import normalise_login
from audit import context
from audit.errors import Problem
from audit.events import Event
from audit.protocol.encoding import lp
from audit.services import record
from devices.errors import ChallengeInvalid
from devices.models import Device
from devices.principal import Principal
from devices.protocol.device_hash import DeviceHash
from vault import keys

QUARTER, HOUR = 900, 3600


@dataclass(frozen=True)
class Limit:
    """At most `most` in `seconds`. Windows begin at multiples of `seconds` since 1970."""

    what: str
    most: int
    seconds: int


GUESSES_BY_DEVICE = Limit("guesses-by-device", 10, QUARTER)
GUESSES_UNPROVEN = Limit("unproven-guesses-by-device", 10, QUARTER)
GUESSES_BY_NETWORK_AT_LOGIN = Limit("guesses-by-network-at-login", 10, QUARTER)
GUESSES_BY_NETWORK = Limit("guesses-by-network", 50, QUARTER)
GUESSES_AT_LOGIN = Limit("guesses-at-login", 100, HOUR)
COMPUTED_BY_DEVICE = Limit("passwords-by-device", 30, QUARTER)
COMPUTED_UNPROVEN = Limit("unproven-passwords-by-device", 30, QUARTER)
COMPUTED_BY_NETWORK = Limit("passwords-by-network", 300, QUARTER)
COMPUTED_BY_DEVICES_OF_NETWORK = Limit("passwords-by-devices-of-network", 300, QUARTER)
REFUSED_SECRETS = Limit("refused-secrets", 100, QUARTER)
REFUSED_INVITES = Limit("refused-invites", 30, HOUR)
REFUSED_RESETS = Limit("refused-resets", 10, HOUR)
RESETS_ASKED = Limit("resets-asked", 30, HOUR)
EMAIL_TAKEN_ANSWERS = Limit("email-taken", 5, HOUR)
ASKED_BY_NETWORK = Limit("asked-by-network", 300, 300)
ASKED_BY_DEVICE = Limit("asked-by-device", 60, 300)
ACTIVITIES = Limit("activities", 300, 300)
POSTS = Limit("posts", 300, 3 * HOUR)
REPORTS = Limit("reports", 30, HOUR)


@dataclass(frozen=True)
class Counter:
    """One asker's count against one limit. The cache holds no login and no address that a list of
    all of them could give back."""

    limit: Limit
    name: str

    @classmethod
    def of(cls, limit: Limit, *whom: str) -> Self:
        digest = hmac.digest(keys.derive("throttle"), lp(limit.what, *whom), "sha256").hex()
        return cls(limit, f"throttle:{limit.what}:{digest}")

    def key(self) -> str:
        """Where this window's count is."""
        return f"{self.name}:{int(_now() // self.limit.seconds)}"

    def count(self) -> int:
        """One more; how many that makes in this window, exact however many count at once."""
        key, kept = self.key(), 2 * self.limit.seconds
        cache.add(key, 0, timeout=kept)
        try:
            return cache.incr(key)
        except ValueError:
            # Somebody emptied the cache between these two; this is the first of a new count.
            cache.add(key, 1, timeout=kept)
            return 1

    def seconds_left(self) -> int:
        """Until the window ends; at least one."""
        return max(1, math.ceil(self.limit.seconds - _now() % self.limit.seconds))


@dataclass(frozen=True)
class Counters:
    """What one attempt is counted by, together; and, for the audit, whose it is.

    Failures count in `of`, every attempt in `each`.
    """

    of: tuple[Counter, ...]
    each: tuple[Counter, ...] = ()
    account: str | None = None
    device: str | None = None
    subject: str | None = None

    def require(self) -> None:
        """Raises RateLimited where one of them is full."""
        counters = {one.key(): one for one in (*self.of, *self.each)}
        held = cache.get_many(list(counters))
        full = [one for key, one in counters.items() if held.get(key, 0) >= one.limit.most]
        if full:
            raise _to_wait(*full)

    def count(self) -> None:
        """A failure. The one that fills a counter is recorded: from then on somebody waits."""
        self._count(self.of)

    def count_attempt(self) -> None:
        """An attempt, before anybody knows how it ends; recorded likewise."""
        self._count(self.each)

    def _count(self, counters: tuple[Counter, ...]) -> None:
        for one in counters:
            if one.count() == one.limit.most:
                _record_lock_out(one.limit, account=self.account, device=self.device, subject=self.subject)

    @contextmanager
    def refusals(self, *refusals: type[Problem]) -> Iterator[None]:
        """Around what may raise one of `refusals`, each of which counts. Raises RateLimited."""
        self.require()
        try:
            yield
        except refusals:
            self.count()
            raise


def guesses_at_login(login: str, *, own: Device | None) -> Counters:
    """Passwords tried at `POST sessions`.

    `own` is the active device of that very account whose key the caller has proven: it is counted
    by itself, so that nobody else's failures keep it out. All others are counted by what they typed,
    whether or not it is known here, and by their network.
    """
    if own is not None:
        return _guesses_by_device(str(own.account_id), DeviceHash(own.hash))
    typed = normalise_login(login)
    counters = (
        Counter.of(GUESSES_BY_NETWORK, here()),
        Counter.of(GUESSES_BY_NETWORK_AT_LOGIN, here(), typed),
        Counter.of(GUESSES_AT_LOGIN, typed),
    )
    return Counters(counters, (Counter.of(COMPUTED_BY_NETWORK, here()),), subject=typed)


def guesses_of_operator(name: str) -> Counters:
    """Passwords tried at the administration's sign-in, by the name that was typed, known or not."""
    counters = (
        Counter.of(GUESSES_BY_NETWORK, here()),
        Counter.of(GUESSES_BY_NETWORK_AT_LOGIN, here(), "operator", name),
        Counter.of(GUESSES_AT_LOGIN, "operator", name),
    )
    return Counters(counters, (Counter.of(COMPUTED_BY_NETWORK, here()),), subject=name)


def guesses_again(principal: Principal) -> Counters:
    """Passwords tried where a signed-in device is asked for it again.

    A token alone may be stolen. What is tried without the device's proof is counted apart, so that a
    thief keeps out nobody who proves the key.
    """
    proven = principal.device_key is not None
    return _guesses_by_device(principal.account_id, principal.device, proven=proven)


def _guesses_by_device(account: str, device: DeviceHash, *, proven: bool = True) -> Counters:
    """Passwords tried by an active device of its account, or in its name."""
    failed, computed = (
        (GUESSES_BY_DEVICE, COMPUTED_BY_DEVICE) if proven else (GUESSES_UNPROVEN, COMPUTED_UNPROVEN)
    )
    return Counters(
        (Counter.of(failed, device),),
        (Counter.of(computed, device), Counter.of(COMPUTED_BY_DEVICES_OF_NETWORK, here())),
        account=account,
        device=device,
    )


def email_taken_answers(asker: str) -> AbstractContextManager[None]:
    """Around what may raise EmailTaken. `asker` is a network or an account.

    Raises RateLimited where the asker was told so five times in the hour.
    """
    return Counters((Counter.of(EMAIL_TAKEN_ANSWERS, asker),)).refusals(EmailTaken)


def refused_resets() -> AbstractContextManager[None]:
    """Around a password reset, whose refusals all look alike but need not take alike long.

    Raises RateLimited where the network was refused ten times in the hour: too few to tell by time
    whether an address has an account.
    """
    return Counters((Counter.of(REFUSED_RESETS, here()),)).refusals(ChallengeInvalid)


def accounts_made() -> Counters:
    """Accounts made from this network; here it is the success that counts."""
    return Counters((Counter.of(Limit("accounts-made", settings.HVX_REGISTRATIONS_PER_HOUR, HOUR), here()),))


def refused_secret() -> None:
    """Counts a refusal where nobody can guess: a wrong passkey or access key, or what is right and of
    a key or device that has ended.

    Called once it is refused, so that who may is let in whoever in its network failed before. The one
    that fills the counter is recorded: those that follow are not, whatever hides among them. Raises
    RateLimited in place of the refusal after a hundred in a quarter of an hour.
    """
    counter = Counter.of(REFUSED_SECRETS, here())
    if _asked(counter) == counter.limit.most:
        _record_lock_out(counter.limit)


def refused_invite() -> None:
    """Counts an invite that is none; a good one is let in all the same. Raises RateLimited in place of
    the refusal after thirty in an hour."""
    _asked(Counter.of(REFUSED_INVITES, here()))


def asked_by_network() -> None:
    """Counts a call that makes a row for anybody who asks. Raises RateLimited."""
    _asked(Counter.of(ASKED_BY_NETWORK, here()))


def reset_asked() -> None:
    """Counts a challenge for a password reset, which the audit keeps for ever. Raises RateLimited."""
    _asked(Counter.of(RESETS_ASKED, here()))


def asked_by_device(device: DeviceHash) -> None:
    """Counts a signed-in device's call that makes a row. Raises RateLimited."""
    _asked(Counter.of(ASKED_BY_DEVICE, device))


def acted(account: str) -> None:
    """Counts whatever an account has done in the fediverse by its outbox. Raises RateLimited."""
    _asked(Counter.of(ACTIVITIES, account))


def posted(account: str) -> None:
    """Counts a post, which may go to thousands of servers. Raises RateLimited."""
    _asked(Counter.of(POSTS, account))


def reported(account: str) -> None:
    """Counts a report, which somebody has to read. Raises RateLimited."""
    _asked(Counter.of(REPORTS, account))


def _asked(counter: Counter) -> int:
    count = counter.count()
    if count > counter.limit.most:
        raise _to_wait(counter)
    return count


def _record_lock_out(limit: Limit, **whose: str | None) -> None:
    record(Event.LOCKED_OUT, details={"limit": limit.what, "seconds": limit.seconds}, **whose)


def _to_wait(*full: Counter) -> RateLimited:
    return RateLimited(headers={"Retry-After": str(max(counter.seconds_left() for counter in full))})


def here() -> str:
    """The network that asks: an IPv4 address, or of an IPv6 address the /64."""
    return context.network.get()


def _now() -> float:
    return time.time()

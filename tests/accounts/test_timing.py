"""Nobody tells by the clock whether a login exists: whole distributions are compared, at Argon2's real cost.

Logins that do not exist and logins whose password is wrong are timed in turns, through the whole
application, and compared by the Mann-Whitney test, which asks only for the order of the samples and
so is not moved by a few slow ones. The kit is first shown to tell apart what must be told apart.
"""

import json
import math
import random
import secrets
import time
from collections.abc import Callable, Sequence

import pytest
from django.contrib.auth.hashers import make_password
from pytest_django.fixtures import Settings

from accounts import passwords
from accounts.errors import InvalidCredentials
from accounts.models import Account
from accounts.throttle import Counters
from tests.people import API, DjangoWire, Handset, Person

# A fair run falls below it once in a thousand times, two runs in a row once in a million times.
SUSPICIOUS = 0.001
SAMPLES = 24


@pytest.fixture
def real_cost(settings: Settings) -> None:
    """Argon2id as in service; what was made at another cost is forgotten."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    passwords._nobody.cache_clear()


@pytest.fixture
def somebody(real_cost: None, person: Person) -> Person:
    """A person whose password is hashed at the real cost, and who has logged in once."""
    assert "m=102400" in Account.objects.get(pk=person.id).password
    person.handset.log_in().expect(200)
    return person


def p_value(one: Sequence[float], other: Sequence[float]) -> float:
    """Two-sided Mann-Whitney U test, normal approximation (good from some twenty samples each)."""
    merged = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    rank_sum = sum(rank for rank, (_, group) in enumerate(merged, 1) if group == 0)
    n, m = len(one), len(other)
    u = rank_sum - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


def seconds(handset: Handset, login: str) -> float:
    """How long one refused login takes; what the client does for it is done before."""
    handset.call("GET", "instance")
    body = {"login": login, "password": "not the password", "device": {"name": "x", "platform": ""}}
    headers = {"Content-Type": "application/json", "DPoP": handset.proof("POST", "sessions")}
    raw = json.dumps(body).encode()
    # Each from a network of its own, so that none is told to wait.
    wire = DjangoWire(f"198.51.{secrets.randbelow(256)}.{secrets.randbelow(256)}")
    began = time.perf_counter()
    answer = wire.request("POST", API + "sessions", headers=headers, body=raw)
    took = time.perf_counter() - began
    assert answer.refusal == (401, "invalid_credentials")
    return took


def told_apart(person: Person) -> float:
    """The p-value of one run: small where the two kinds of refusal differ."""
    handset = person.new_handset()
    known: list[float] = []
    unknown: list[float] = []
    turns = [(person.username, known), ("nobody_" + person.username[7:], unknown)] * (SAMPLES // 2)
    turns += [(person.email, known), ("nobody_" + person.email[7:], unknown)] * (SAMPLES // 2)
    random.shuffle(turns)
    for login, times in turns:
        times.append(seconds(handset, login))
    return p_value(known, unknown)


@pytest.mark.parametrize(
    ("shift", "expected"), [(0.0, False), (0.1, False), (2.0, True), (-2.0, True)], ids=str
)
def test_the_statistic_tells_apart_what_differs_and_nothing_else(shift: float, expected: bool) -> None:
    dice = random.Random(20)
    one = [dice.gauss(130, 1) for _ in range(SAMPLES)]
    other = [dice.gauss(130 + shift, 1) for _ in range(SAMPLES)]
    # Some samples are slow for no reason of ours, and must not hide or feign anything.
    one[3] += 500
    other[5] += 700
    assert (p_value(one, other) < SUSPICIOUS) == expected


def _without_the_dummy_hash(account: Account | None, password: str, guesses: Counters) -> Account:
    if account is None:
        raise InvalidCredentials
    return REAL(account, password, guesses)


def _with_a_cheaper_dummy_hash(account: Account | None, password: str, guesses: Counters) -> Account:
    if account is None:
        began = time.thread_time()
        while time.thread_time() - began < 0.02:
            pass
        raise InvalidCredentials
    return REAL(account, password, guesses)


REAL = passwords.authenticate


@pytest.mark.parametrize("variant", [_without_the_dummy_hash, _with_a_cheaper_dummy_hash])
def test_the_kit_tells_apart_a_server_that_spares_itself_the_work(
    somebody: Person,
    monkeypatch: pytest.MonkeyPatch,
    variant: Callable[[Account | None, str, Counters], Account],
) -> None:
    monkeypatch.setattr(passwords, "authenticate", variant)
    # Where other programs take the machine away, a run may see too little; an attacker tries again too.
    runs = (told_apart(somebody) for _ in range(4))
    assert any(p < SUSPICIOUS for p in runs)


def test_an_unknown_login_and_a_wrong_password_take_the_same_time(somebody: Person) -> None:
    runs = [told_apart(somebody)]
    if runs[0] < SUSPICIOUS:
        runs.append(told_apart(somebody))
    assert max(runs) >= SUSPICIOUS, f"told apart twice, p = {runs}"


def test_the_first_login_in_a_process_tells_nothing_either(
    somebody: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dummy hash is made once a process, and that takes long: it must take as long for a login
    that exists."""
    made: list[str] = []

    def spy(password: str) -> str:
        made.append("a dummy")
        return make_password(password)

    monkeypatch.setattr("accounts.passwords.make_password", spy)
    for login in (somebody.username, "nobody"):
        passwords._nobody.cache_clear()
        seconds(somebody.new_handset(), login)
    assert len(made) == 2

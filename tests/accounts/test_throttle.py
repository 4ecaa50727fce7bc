"""Who has to wait after how many failures, and who is never kept out by those of others."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.core.cache import cache
from django.db import connection
from pytest_django.fixtures import Settings

from accounts import passwords, throttle
from accounts.errors import RateLimited
from accounts.models import Account
from accounts.throttle import Counter, Counters, Limit
from audit.models import AuditRow
from tests.audit.reading import is_about, is_from, is_of, rows_of, told
from tests.people import Answer, DjangoWire, Handset, Person

WAIT = (429, "rate_limited")
WRONG = (401, "invalid_credentials")
NOON = 1_800_000_000.0  # begins a window of every length that is used


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The throttle's clock stands still, so that no window ends half-way; a call moves it on."""
    now = [NOON]
    monkeypatch.setattr(throttle, "_now", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def stranger(person: Person, address: str = "192.0.2.1", login: str | None = None) -> Answer:
    """A wrong password from a device that nobody knows."""
    return from_network(person, address).log_in(login=login, password="not the password")


def from_network(person: Person, address: str) -> Handset:
    handset = person.new_handset()
    handset.wire = DjangoWire(address)
    return handset


def exhaust(person: Person, limit: Limit, address: str = "192.0.2.1", login: str | None = None) -> None:
    for _ in range(limit.most):
        assert stranger(person, address, login).refusal == WRONG


def test_a_counter_that_fills_is_recorded_once_however_many_slip_past_together(db: None) -> None:
    counters = Counters((Counter.of(Limit("tried", 2, 900), "somebody"),))
    for _ in range(4):
        counters.count()
    assert locked_out() == [{"limit": "tried", "seconds": 900}]


# --- Logging in ----------------------------------------------------------------------------------


def test_a_network_that_failed_ten_times_at_a_login_waits_even_with_the_right_password(
    person: Person,
) -> None:
    exhaust(person, throttle.GUESSES_BY_NETWORK_AT_LOGIN)
    answer = from_network(person, "192.0.2.1").log_in()
    assert answer.refusal == WAIT
    assert answer.headers["retry-after"] == "900"


def test_whoever_waits_costs_no_password_hash(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    exhaust(person, throttle.GUESSES_BY_NETWORK_AT_LOGIN)
    monkeypatch.setattr("accounts.passwords.check_password", None)
    assert stranger(person).refusal == WAIT


def test_the_wait_is_told_and_ends(person: Person, clock: Callable[[float], None]) -> None:
    exhaust(person, throttle.GUESSES_BY_NETWORK_AT_LOGIN)
    clock(899.5)
    assert stranger(person).headers["retry-after"] == "1"
    clock(1)
    from_network(person, "192.0.2.1").log_in().expect(200)


@pytest.mark.parametrize("known", [True, False])
def test_a_login_that_nobody_has_is_throttled_alike(person: Person, known: bool) -> None:
    login = person.username if known else "nobody_at_all"
    exhaust(person, throttle.GUESSES_BY_NETWORK_AT_LOGIN, login=login)
    answer = stranger(person, login=f"  {login.upper()} ")
    assert answer.refusal == WAIT
    assert answer.json["detail"] == "Too many attempts; wait as Retry-After says"


def test_the_count_does_not_tell_that_a_name_and_an_address_are_one_account(person: Person) -> None:
    exhaust(person, throttle.GUESSES_BY_NETWORK_AT_LOGIN)
    assert stranger(person, login=person.email).refusal == WRONG


def test_failures_in_one_network_do_not_lock_the_account_for_another(person: Person) -> None:
    exhaust(person, throttle.GUESSES_BY_NETWORK_AT_LOGIN)
    from_network(person, "192.0.2.2").log_in().expect(200)


@pytest.mark.parametrize(
    ("one", "other", "waits"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
    ],
)
def test_a_network_is_an_ipv4_address_or_an_ipv6_64(
    person: Person, one: str, other: str, waits: bool
) -> None:
    exhaust(person, throttle.GUESSES_BY_NETWORK_AT_LOGIN, address=one)
    assert stranger(person, other).refusal == (WAIT if waits else WRONG)


def test_a_network_that_tries_many_logins_waits_for_all(person: Person) -> None:
    for count in range(throttle.GUESSES_BY_NETWORK.most):
        assert stranger(person, login=f"somebody_{count}").refusal == WRONG
    assert from_network(person, "192.0.2.1").log_in().refusal == WAIT
    from_network(person, "192.0.2.2").log_in().expect(200)


def test_after_a_hundred_failures_from_anywhere_unknown_devices_wait_and_active_ones_do_not(
    person: Person,
) -> None:
    pending = person.new_handset()
    pending.log_in().expect(200)
    for count in range(throttle.GUESSES_AT_LOGIN.most):
        assert stranger(person, f"198.51.100.{count // 10}").refusal == WRONG
    answer = from_network(person, "203.0.113.1").log_in()
    assert answer.refusal == WAIT
    assert answer.headers["retry-after"] == "3600"
    assert pending.log_in().refusal == WAIT
    person.handset.log_in().expect(200)
    person.handset.refresh().expect(200)
    pending.refresh().expect(200)


def test_strangers_in_the_same_network_cannot_lock_out_an_active_device(person: Person) -> None:
    for count in range(throttle.GUESSES_BY_NETWORK.most):
        stranger(person, "127.0.0.1", login=f"somebody_{count}")
    assert from_network(person, "127.0.0.1").log_in().refusal == WAIT
    person.handset.log_in().expect(200)


def test_an_active_device_waits_for_its_own_failures_and_for_nobody_elses(person: Person) -> None:
    phone = person.certified_handset()
    for _ in range(throttle.GUESSES_BY_DEVICE.most):
        assert phone.log_in(password="not the password").refusal == WRONG
    assert phone.log_in().refusal == WAIT
    person.handset.log_in().expect(200)
    person.new_handset().log_in().expect(200)
    phone.refresh().expect(200)


def test_a_device_is_counted_apart_at_no_account_but_its_own(person: Person) -> None:
    thief = Person(person.wire)
    thief.register().expect(201)
    for _ in range(throttle.GUESSES_BY_NETWORK_AT_LOGIN.most):
        assert thief.handset.log_in(login=person.username, password="guess").refusal == WRONG
    assert thief.handset.log_in(login=person.username).refusal == WAIT
    # The guesses are not counted against what the device may try at its own account.
    thief.handset.log_in().expect(200)


def test_an_ended_device_is_a_stranger(person: Person) -> None:
    phone = person.certified_handset()
    person.handset.revoke(phone).expect(200)
    exhaust(person, throttle.GUESSES_BY_NETWORK_AT_LOGIN, address="127.0.0.1")
    assert phone.log_in(password="not the password").refusal == WAIT


def test_successes_are_no_failures(person: Person) -> None:
    for _ in range(throttle.GUESSES_BY_NETWORK_AT_LOGIN.most + 5):
        person.new_handset().log_in().expect(200)


# --- Right passwords, which cost as much as wrong ones -----------------------------------------------


def test_a_device_has_thirty_passwords_computed_and_then_waits(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = person.certified_handset()
    for _ in range(throttle.COMPUTED_BY_DEVICE.most):
        phone.log_in().expect(200)
    written = AuditRow.objects.count()
    with monkeypatch.context() as patch:
        patch.setattr("accounts.passwords.check_password", None)
        assert phone.log_in().refusal == WAIT
        body = {"password": person.password, "new_password": "another one of twelve"}
        answer = phone.call("POST", "me/password", body)
    assert answer.refusal == WAIT
    assert answer.headers["retry-after"] == "900"
    assert AuditRow.objects.count() == written
    assert locked_out() == [{"limit": "passwords-by-device", "seconds": 900}]
    phone.refresh().expect(200)
    person.handset.log_in().expect(200)
    person.new_handset().log_in().expect(200)


def test_a_network_has_so_many_passwords_of_unknown_devices_computed(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "COMPUTED_BY_NETWORK", Limit("passwords-by-network", 3, 900))
    for _ in range(3):
        person.new_handset().log_in().expect(200)
    assert person.new_handset().log_in().refusal == WAIT
    from_network(person, "192.0.2.2").log_in().expect(200)
    # Active devices of the same network have a count of their own.
    person.handset.log_in().expect(200)


def test_a_network_has_so_many_passwords_of_active_devices_computed(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = Limit("passwords-by-devices-of-network", 3, 900)
    monkeypatch.setattr(throttle, "COMPUTED_BY_DEVICES_OF_NETWORK", limit)
    other = Person(person.wire)
    other.register().expect(201)
    for handset in (person.handset, person.handset, other.handset):
        handset.log_in().expect(200)
    assert person.handset.log_in().refusal == WAIT
    assert other.handset.log_in().refusal == WAIT
    person.new_handset().log_in().expect(200)
    person.handset.wire = DjangoWire("192.0.2.2")
    person.handset.log_in().expect(200)


# --- Where the password is asked for again ---------------------------------------------------------


def test_a_password_asked_for_again_is_tried_ten_times_by_a_device(person: Person) -> None:
    phone = person.certified_handset()
    body = {"password": "not the password", "new_password": "another one of twelve"}
    for _ in range(throttle.GUESSES_BY_DEVICE.most):
        assert phone.call("POST", "me/password", body).refusal == (403, "password_wrong")
    right = body | {"password": person.password}
    answer = phone.call("POST", "me/password", right)
    assert answer.refusal == WAIT
    assert int(answer.headers["retry-after"]) > 0
    # Login with that device goes by the same count: it would be another way to try.
    assert phone.log_in().refusal == WAIT
    person.handset.call("POST", "me/password", right).expect(200)


@pytest.mark.parametrize(
    ("path", "body"),
    [("me/passkeys", {}), ("me/access-keys", {"name": "a robot", "scopes": ["files:read"]})],
)
@pytest.mark.parametrize("right", [False, True])
def test_who_has_only_the_token_keeps_nobody_out_who_proves_the_key(
    person: Person, path: str, body: dict[str, Any], right: bool
) -> None:
    tried = body | {"password": person.password if right else "not the password"}
    for _ in range((throttle.COMPUTED_UNPROVEN if right else throttle.GUESSES_UNPROVEN).most):
        answer = person.handset.call("POST", path, tried)
        assert answer.status in (200, 201) if right else answer.refusal == (403, "password_wrong")
    known = body | {"password": person.password}
    for other in ("me/passkeys", path):
        sent = known if other == path else {"password": person.password}
        assert person.handset.call("POST", other, sent).refusal == WAIT
    change = {"password": person.password, "new_password": person.password}
    person.handset.call("POST", "me/password", change).expect(200)
    person.handset.log_in(token_type="DPoP").expect(200)
    assert person.handset.call("POST", path, known).status in (200, 201)


def test_failures_under_a_bound_token_are_the_devices_own(person: Person) -> None:
    person.handset.log_in(token_type="DPoP").expect(200)
    for _ in range(throttle.GUESSES_BY_DEVICE.most):
        answer = person.handset.call("POST", "me/passkeys", {"password": "not the password"})
        assert answer.refusal == (403, "password_wrong")
    assert person.handset.log_in().refusal == WAIT


# --- What makes rows for anybody who asks ------------------------------------------------------------


def test_a_network_asks_for_so_many_challenges_and_then_waits(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One was asked for when the person registered.
    monkeypatch.setattr(throttle, "ASKED_BY_NETWORK", Limit("asked-by-network", 5, 300))
    for _ in range(2):
        assert person.new_handset().ask_challenge("register", username="free_name").status == 200
        assert person.new_handset().call("POST", "sessions/passkey/options", proof=True).status == 200
    assert person.new_handset().ask_challenge("register", username="free_name").refusal == WAIT
    assert person.new_handset().call("POST", "sessions/passkey/options", proof=True).refusal == WAIT
    from_network(person, "192.0.2.9").ask_challenge("register", username="free_name").expect(200)
    # An active device's own are counted by the device, and nobody's asking takes them away.
    person.handset.ask_challenge("key").expect(200)


def test_a_network_asks_for_so_many_resets_which_the_audit_keeps(person: Person) -> None:
    for _ in range(throttle.RESETS_ASKED.most):
        person.new_handset().call("POST", "password-reset", {"login": "nobody"}).expect(202)
    written = AuditRow.objects.count()
    assert person.new_handset().call("POST", "password-reset", {"login": "nobody"}).refusal == WAIT
    assert AuditRow.objects.count() == written
    elsewhere = from_network(person, "192.0.2.9")
    elsewhere.call("POST", "password-reset", {"login": person.username}).expect(202)


def test_a_device_asks_for_so_many_challenges_and_then_waits(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "ASKED_BY_DEVICE", Limit("asked-by-device", 3, 300))
    phone = person.certified_handset()
    for _ in range(3):
        phone.ask_challenge("key").expect(200)
    assert phone.ask_challenge("key").refusal == WAIT
    person.handset.ask_challenge("key").expect(200)


def test_a_network_makes_so_many_accounts_and_then_waits(
    person: Person, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HVX_REGISTRATIONS_PER_HOUR = 2  # the fixture's person is the first of them
    taken = Person(person.wire, person.username)
    assert taken.handset.ask_challenge("register", username=person.username).status == 409
    Person(person.wire).register().expect(201)
    late = Person(person.wire)
    answer = late.register()
    assert answer.refusal == WAIT
    assert not Account.objects.filter(username=late.username).exists()
    Person(DjangoWire("192.0.2.8")).register().expect(201)


# --- What is written down ----------------------------------------------------------------------------


def locked_out() -> list[dict[str, Any]]:
    rows = AuditRow.objects.filter(event="locked_out").order_by("at", "chain", "sequence")
    return [json.loads(row.details) for row in rows]


def test_a_lock_out_is_recorded_when_it_begins_and_once(person: Person) -> None:
    exhaust(person, throttle.GUESSES_BY_NETWORK_AT_LOGIN)
    for _ in range(5):
        assert stranger(person).refusal == WAIT
    assert locked_out() == [{"limit": "guesses-by-network-at-login", "seconds": 900}]
    [row] = AuditRow.objects.filter(event="locked_out")
    assert row.chain.startswith("nobody:")
    assert is_about(row, person.username)
    assert is_from(row, "192.0.2.1")


def test_the_lock_out_of_a_device_stands_in_its_accounts_chain(person: Person) -> None:
    for _ in range(throttle.GUESSES_BY_DEVICE.most):
        person.handset.log_in(password="not the password")
    row = rows_of(person)[-2]
    assert told(row) == ("locked_out", {"limit": "guesses-by-device", "seconds": 900})
    assert is_of(row, person.handset)


def test_whoever_waits_writes_no_rows(person: Person) -> None:
    exhaust(person, throttle.GUESSES_BY_NETWORK_AT_LOGIN)
    written = AuditRow.objects.count()
    for _ in range(5):
        assert stranger(person).refusal == WAIT
    assert AuditRow.objects.count() == written


# --- The counting itself -----------------------------------------------------------------------------


def test_the_cache_is_told_no_login_and_no_address(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    incr = cache.incr

    def spy(key: str, *args: int, **kwargs: int) -> int:
        seen.append(key)
        return int(incr(key, *args, **kwargs))

    monkeypatch.setattr(cache, "incr", spy)
    stranger(person, "192.0.2.77")
    assert len(seen) == 4
    assert not any(person.username in key or "192.0.2.77" in key for key in seen)


def test_many_that_count_at_once_are_all_counted() -> None:
    counter = Counter.of(Limit("at-once", 1, 900), "somebody")
    together, told = threading.Barrier(16), list[int]()

    def count() -> None:
        together.wait()
        for _ in range(25):
            told.append(counter.count())

    threads = [threading.Thread(target=count) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == list(range(1, 401))


def test_a_cache_that_is_emptied_meanwhile_begins_a_new_count(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = Counter.of(Limit("emptied", 5, 900), "somebody")
    counter.count()
    incr = cache.incr

    def emptied(key: str) -> int:
        cache.clear()
        return int(incr(key))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "incr", emptied)
        assert counter.count() == 1
    assert counter.count() == 2


def test_of_several_waits_the_longest_is_told(person: Person) -> None:
    far = Counter.of(Limit("far", 1, 3600), "somebody")
    near = Counter.of(Limit("near", 1, 900), "somebody")
    for counter in (near, far):
        counter.count()
    for counters in ((near, far), (far, near)):
        with pytest.raises(RateLimited) as refused:
            Counters(counters).require()
        assert refused.value.headers == {"Retry-After": "3600"}


def test_who_waited_for_a_place_while_the_limit_was_reached_has_nothing_checked(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    guesses = throttle.guesses_at_login(person.username, own=None)

    @contextmanager
    def place() -> Iterator[None]:
        for _ in range(throttle.GUESSES_BY_NETWORK_AT_LOGIN.most):
            guesses.count()
        yield

    monkeypatch.setattr(passwords, "_place", place)
    monkeypatch.setattr(passwords, "check_password", None)
    with pytest.raises(RateLimited):
        passwords.authenticate(Account.objects.get(), person.password, guesses)


@pytest.mark.django_db(transaction=True)
def test_of_many_guesses_at_once_no_more_are_checked_than_the_limit_and_those_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    checked: list[str] = []
    real = check_password

    def counting(password: str, encoded: str) -> bool:
        checked.append(password)
        return bool(real(password, encoded))

    monkeypatch.setattr(passwords, "check_password", counting)
    limit, threads = throttle.GUESSES_BY_NETWORK_AT_LOGIN.most, 40
    together, answers = threading.Barrier(threads), list[Answer]()
    handsets = [person.new_handset() for _ in range(threads)]
    for handset in handsets:
        handset.wire = DjangoWire()
        handset.call("GET", "instance")

    def guess(handset: Handset) -> None:
        together.wait()
        try:
            answers.append(handset.log_in(password="not the password"))
        finally:
            connection.close()

    running = [threading.Thread(target=guess, args=(handset,)) for handset in handsets]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert limit <= len(checked) <= limit + passwords.HASHES_AT_ONCE - 1
    assert {answer.refusal for answer in answers} == {WAIT, WRONG}
    assert sum(answer.refusal == WRONG for answer in answers) == len(checked)


# --- Argon2 ------------------------------------------------------------------------------------------


def test_so_many_passwords_are_hashed_at_once_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most, go_on = [0], [0], threading.Event()
    full = threading.Semaphore(0)
    lock = threading.Lock()

    def slow(password: str) -> str:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        full.release()
        go_on.wait(10)
        with lock:
            inside[0] -= 1
        return "hash"

    monkeypatch.setattr(passwords, "make_password", slow)
    threads = [
        threading.Thread(target=passwords.hashed, args=("a password that is long",)) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for _ in range(passwords.HASHES_AT_ONCE):
        assert full.acquire(timeout=10)
    go_on.set()
    for thread in threads:
        thread.join()
    assert most[0] == passwords.HASHES_AT_ONCE


def test_whoever_finds_no_place_in_time_is_told_that_the_server_is_busy(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(passwords, "_places", threading.BoundedSemaphore(1))
    with passwords._place():
        answer = person.new_handset().log_in()
        assert answer.refusal == (503, "busy")
        assert answer.headers["retry-after"] == "5"
        # What needs no password goes on.
        person.handset.refresh().expect(200)
    person.new_handset().log_in().expect(200)


def test_a_place_is_given_back_whatever_happens(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_places", threading.BoundedSemaphore(1))
    for _ in range(3):
        assert person.new_handset().log_in(password="not the password").refusal == WRONG
    person.new_handset().log_in().expect(200)

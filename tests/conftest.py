"""The `needs` mark, the account of what was left out, and the fixtures that every room uses."""

import functools
import itertools
import os
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from django.core.cache import cache
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from tests.components import everything_is_required, why_missing
from tests.live import LiveServer
from tests.once import is_once
from tests.people import DjangoWire, Person

LEFT_OUT = "left out: needs "


def pytest_configure() -> None:
    # How long an example takes is the machine's affair.
    hypothesis.settings.register_profile("hvx", deadline=None)
    hypothesis.settings.load_profile("hvx")
    # A suite that runs in the background ignores Ctrl-C, and every process that it starts would too.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_itemcollected(item: pytest.Item) -> None:
    if is_once(item):
        item.add_marker("once")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for component in mark.args:
            reason = why_missing(component)
            if reason is None:
                continue
            if everything_is_required():
                pytest.fail(f"needs {component}, and nothing may be left out: {reason}", pytrace=False)
            pytest.skip(f"{LEFT_OUT}{component} ({reason})")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says, component by component, which tests did not run and what they wait for."""
    left_out: dict[str, list[str]] = defaultdict(list)
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _, mark, component = reason.partition(LEFT_OUT)
        left_out[component if mark else f"(another reason) {reason}"].append(report.nodeid)
    if listing := os.environ.get("HVX_TEST_LIST_LEFT_OUT"):
        Path(listing).write_text("".join(f"{test}\n" for tests in left_out.values() for test in tests))
    if not left_out:
        terminalreporter.write_line("Nothing was left out.")
        return
    terminalreporter.section("left out")
    for component, tests in sorted(left_out.items()):
        terminalreporter.write_line(f"{len(tests):4d} for want of {component}")
        for test in tests:
            terminalreporter.write_line(f"       {test}")
    terminalreporter.write_line("`make test-all` starts these components and leaves nothing out.")


@pytest.fixture(autouse=True, scope="session")
def audit_that_tests_may_empty() -> Iterator[None]:
    """Lets Django empty the tables after a test that commits, which the audit's triggers refuse."""
    from tests.audit.emptying import emptying_allowed

    with emptying_allowed():
        yield


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, audit_that_tests_may_empty: None
) -> None:
    """A database without the audit's rows on how it was migrated, as it is after a test that commits."""
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(autouse=True, scope="session")
def few_actor_keys() -> Iterator[Callable[[], RSAPrivateKey]]:
    """Deals the same few RSA keys to all actors of this process: a new one takes longer than most tests.

    Gives what makes real ones, as every server outside of this process does.
    """
    from activitypub import keymaking

    real = keymaking._rsa_key
    dealt = functools.cache(lambda number: real())
    numbers = itertools.cycle(range(8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keymaking, "_rsa_key", lambda: dealt(next(numbers)))
        yield real


@pytest.fixture(autouse=True)
def clean_cache() -> Iterator[None]:
    """No nonce, used proof, limit, cached state or way to other servers of one test reaches the next."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    # Not imported above: these need Django to be set up.
    from activitypub.remote import session
    from devices import state, token_keys

    cache.clear()
    state.forget_all()
    token_keys.forget()
    session.close_thread()


@pytest.fixture
def wire(db: None) -> DjangoWire:
    """The application in this process, on a database that is rolled back after the test."""
    return DjangoWire()


@pytest.fixture
def person(wire: DjangoWire) -> Person:
    """Somebody who has registered, with one active device."""
    somebody = Person(wire)
    somebody.register().expect(201)
    return somebody


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One real server for all the tests of the session that do not stop or revoke things in it."""
    with LiveServer(tmp_path_factory.mktemp("server")) as live:
        yield live


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[LiveServer]:
    """A real server for this test alone: free to be killed, restarted and searched."""
    with LiveServer(tmp_path) as live:
        yield live

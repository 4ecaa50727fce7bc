"""Many who write at once: none waits for ever, none is lost, and every chain stays whole."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection, transaction

from accounts.models import Account
from audit.checkpoints import checkpoint
from audit.events import Event
from audit.models import AuditChain
from audit.queries import verify
from audit.services import entry, record, record_all
from devices.models import Device
from devices.services import lifecycle, signing
from keyexchange import journal
from tests.audit.reading import rows
from tests.people import device_hash

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 32
ROUNDS = 8

Work = Callable[[], object]


def together(works: list[Work]) -> None:
    """All of them, in as many threads as there are; raises what one of them raised."""

    def run(work: Work) -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        for done in [threads.submit(run, work) for work in works]:
            done.result(timeout=60)


def people(count: int) -> list[Account]:
    return [
        Account.objects.create(
            username=f"p{number}", email=f"p{number}@example.org", public_key="none", fingerprint="A" * 40
        )
        for number in range(count)
    ]


def add_and_end(account: Account) -> None:
    """A device that comes, is renamed and goes: three events, under the account's own locks."""
    key = random.randbytes(32)
    with transaction.atomic():
        device = lifecycle.add_pending_device(
            str(account.pk), account=account.text, key=key, name="a", platform="tests"
        )
        record(Event.LOGIN, account=str(account.pk), device=device.hash)
    lifecycle.rename(device, "b")
    lifecycle.end_device(device, "logout", key_backed_up=True)  # type: ignore[arg-type]
    assert device.hash == device_hash(account.text, key, bytes(device.challenge or b""))


def exchanges_of_all(accounts: list[Account]) -> None:
    """One write for many accounts, as the sockets do it."""
    some = random.sample(accounts, k=len(accounts))
    record_all(
        [entry(Event.KEY_EXCHANGE_BEGUN, account=str(one.pk), details={"exchange": "x"}) for one in some]
    )


def account_and_server(account: Account) -> None:
    with transaction.atomic():
        record(Event.EMAIL_CHANGED, account=str(account.pk))
        record(Event.INVITE_MADE)


def test_thirty_two_at_once_of_every_kind_neither_block_each_other_nor_lose_a_row() -> None:
    accounts = people(4)
    before = rows().count()
    works: list[Work] = []
    for number in range(AT_ONCE * ROUNDS):
        account = accounts[number % len(accounts)]
        kinds: list[Work] = [
            partial(add_and_end, account),
            partial(exchanges_of_all, accounts),
            partial(account_and_server, account),
            partial(record, Event.LOGIN_REFUSED, subject=f"nobody{number}"),
            partial(record, Event.LOGIN_REFUSED, account=str(account.pk)),
            signing.make_token_key,
            checkpoint,
            journal.sweep,
        ]
        works.append(kinds[number % len(kinds)])
    random.shuffle(works)
    together(works)
    each = AT_ONCE * ROUNDS // 8
    counted = Counter(rows().values_list("event", flat=True))
    assert counted.pop("checkpoint") >= 1
    assert counted == {
        "device_added": each,
        "login": each,
        "device_renamed": each,
        "device_logged_out": each,
        "key_exchange_begun": each * len(accounts),
        "email_changed": each,
        "invite_made": each,
        "login_refused": 2 * each,
        "token_key_made": each,
    }
    assert before == 0
    assert not Device.objects.exclude(state="ended").exists()
    assert verify().whole


def test_of_many_that_begin_a_chain_at_once_none_fails() -> None:
    together([partial(record, Event.LOGIN, account="one and the same") for _ in range(AT_ONCE)])
    assert AuditChain.objects.get(chain__startswith="account:").length == AT_ONCE
    assert verify().whole


def test_of_many_that_begin_several_chains_at_once_none_waits_for_ever() -> None:
    names = [f"account {number}" for number in range(40)]

    def begin() -> None:
        some = random.sample(names, k=25)
        record_all([entry(Event.LOGIN, account=name) for name in some])

    works: list[Work] = [begin for _ in range(AT_ONCE)]
    works += [partial(record, Event.LOGIN, account=name) for name in names]
    random.shuffle(works)
    together(works)
    assert rows().count() == AT_ONCE * 25 + len(names)
    assert verify().whole


def test_the_audit_is_found_whole_while_it_grows() -> None:
    accounts = people(2)
    reports = []

    def look() -> None:
        reports.append(verify())

    works: list[Work] = [
        partial(record, Event.LOGIN, account=str(random.choice(accounts).pk)) for _ in range(200)
    ]
    works += [look, checkpoint] * 10
    random.shuffle(works)
    together(works)
    assert [str(fault) for report in reports for fault in report.faults] == []
    assert len(reports) == 10

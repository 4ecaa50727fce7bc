"""Who goes next, without a network or a database."""

from datetime import UTC, datetime
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from activitypub.delivery.jobs import Job, Outgoing, SigningKey
from activitypub.delivery.lanes import (
    AT_ONCE,
    AT_ONCE_FOR_A_HOST,
    AT_ONCE_IN_DOUBT,
    HELD_FOR_A_HOST,
    Lanes,
)
from activitypub.protocol.signatures.policy import Scheme
from tests.activitypub.senders import rsa_key

_ids = count(1)
UNTIL = datetime(2026, 11, 21, tzinfo=UTC)


def job(host: str = "one.example", inbox: str = "", actor: int = 1) -> Job:
    number = next(_ids)
    activity = Outgoing(number, actor, True, b"{}", SigningKey("key", rsa_key()))
    inbox = f"https://{host}/{inbox or number}"
    return Job(number, activity, inbox, host, 0, Scheme.CAVAGE, UNTIL)


def filled(*jobs: Job, answering: bool = True) -> Lanes:
    """Lanes with these jobs; their hosts have answered before, or were never heard of."""
    lanes = Lanes()
    for host in {one.host for one in jobs} if answering else ():
        first = job(host)
        lanes.add(first)
        lanes.take()
        lanes.done(first, answered=True)
    for one in jobs:
        lanes.add(one)
    return lanes


def test_a_host_gets_a_few_at_once_and_more_as_they_end() -> None:
    jobs = [job() for _ in range(10)]
    lanes = filled(*jobs)
    assert lanes.take() == jobs[:AT_ONCE_FOR_A_HOST]
    assert lanes.take() == []
    lanes.done(jobs[0], answered=True)
    assert lanes.take() == [jobs[AT_ONCE_FOR_A_HOST]]


def test_a_host_that_never_answered_has_one_and_more_as_soon_as_it_does() -> None:
    jobs = [job() for _ in range(10)]
    lanes = filled(*jobs, answering=False)
    assert lanes.room("one.example") < 1
    assert lanes.take() == jobs[:1]
    assert lanes.take() == []
    lanes.done(jobs[0], answered=True)
    assert lanes.take() == jobs[1 : 1 + AT_ONCE_FOR_A_HOST]


def test_a_host_that_failed_has_one_at_a_time_until_it_answers() -> None:
    jobs = [job() for _ in range(10)]
    lanes = filled(*jobs)
    taken = lanes.take()
    for one in taken:
        lanes.done(one, answered=False)
    assert lanes.room("one.example") < 1
    [alone] = lanes.take()
    assert lanes.take() == []
    lanes.done(alone, answered=True)
    assert len(lanes.take()) == 3


def test_what_one_actor_tells_one_inbox_goes_one_after_the_other_and_others_pass_by() -> None:
    first, second, third = (job(inbox="inbox") for _ in range(3))
    another, elsewhere = job(inbox="inbox", actor=2), job(inbox="other")
    lanes = filled(first, second, another, third, elsewhere)
    assert lanes.take() == [first, another, elsewhere]
    lanes.done(first, answered=True)
    assert lanes.take() == [second]
    lanes.done(second, answered=True)
    assert lanes.take() == [third]


def test_what_waits_for_an_inbox_that_failed_is_pulled_and_nothing_else() -> None:
    first, second = (job(inbox="inbox") for _ in range(2))
    other, elsewhere = job(), job("two.example")
    lanes = filled(first, second, other, elsewhere)
    assert first in lanes.take()
    assert lanes.pull("one.example", first.inbox) == [second]
    assert lanes.pull("one.example", first.inbox) == []
    assert lanes.held == 3


def test_there_is_an_end_to_all_at_once() -> None:
    lanes = filled(*(job(f"host{number}.example") for number in range(AT_ONCE + 10)))
    assert len(lanes.take()) == AT_ONCE
    assert lanes.take() == []


def test_what_is_answered_keeps_its_place_until_it_is_written_down() -> None:
    lanes = filled(*(job(f"host{number}.example") for number in range(AT_ONCE + 10)))
    for one in lanes.take()[:5]:
        lanes.done(one, answered=True)
        lanes.unwritten += 1
    assert lanes.take() == []
    lanes.unwritten -= 3
    assert len(lanes.take()) == 3


def test_hosts_that_may_not_answer_leave_places_for_those_that_do() -> None:
    lanes = filled(*(job(f"slow{number}.example") for number in range(AT_ONCE)), answering=False)
    hanging = lanes.take()
    assert len(hanging) == AT_ONCE_IN_DOUBT
    assert lanes.take() == []
    lanes.add(first := job("quick.example"))
    lanes.done(hanging.pop(), answered=True)
    while first not in (taken := lanes.take()):
        # Those before it, of hosts that nothing is known of either.
        for one in taken:
            lanes.done(one, answered=True)
    lanes.done(first, answered=True)
    for _ in range(AT_ONCE_FOR_A_HOST):
        lanes.add(job("quick.example"))
    assert len([one for one in lanes.take() if one.host == "quick.example"]) == AT_ONCE_FOR_A_HOST


def test_a_full_host_is_asked_for_again_once_many_have_ended_and_not_for_each() -> None:
    lanes = filled(*(job() for _ in range(HELD_FOR_A_HOST)))
    assert lanes.full() == {"one.example"}
    under_way = lanes.take()
    for _ in range(HELD_FOR_A_HOST // 2):
        assert lanes.is_full("one.example")
        lanes.done(under_way.pop(), answered=True)
        under_way += lanes.take()
    assert lanes.full() == set()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 1), st.booleans())))
def test_whatever_ends_in_whatever_order_each_job_goes_once_and_no_lane_overflows(
    draws: list[tuple[int, int, int, bool]],
) -> None:
    jobs = [job(f"host{host}.example", f"inbox{inbox}", actor) for host, inbox, actor, _ in draws]
    answers = [answered for *_, answered in draws]
    lanes = filled(*jobs)
    taken: list[Job] = []
    under_way: list[Job] = []
    for answered in answers:
        new = lanes.take()
        taken += new
        under_way += new
        assert len({(one.activity.actor_id, one.inbox) for one in under_way}) == len(under_way)
        assert all(
            sum(one.host == host for one in under_way) <= AT_ONCE_FOR_A_HOST
            for host in {one.host for one in under_way}
        )
        lanes.done(under_way.pop(0), answered=answered)
    assert sorted(one.id for one in taken) == [one.id for one in jobs]
    assert (lanes.held, lanes.under_way) == (0, 0)
    for pair in {(one.activity.actor_id, one.inbox) for one in jobs}:
        own = [one.id for one in taken if (one.activity.actor_id, one.inbox) == pair]
        assert own == sorted(own)

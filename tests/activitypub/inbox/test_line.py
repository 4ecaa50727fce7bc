"""Each actor's activities have their turn in the order of their ids, and nobody waits for another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.inbox import line
from activitypub.inbox.line import Job, Line


def jobs(actor: str, *ids: int) -> list[Job]:
    return [Job(id_, actor) for id_ in ids]


def taken(waiting: Line, most: int = 10) -> list[int]:
    return [job.id for job in waiting.take(most)]


def test_an_actor_that_is_out_has_no_other_turn_until_it_is_settled() -> None:
    waiting = Line()
    waiting.add(jobs("a", 1, 2, 3))
    assert taken(waiting, 2) == [1, 2]
    assert taken(waiting) == []
    waiting.settle("a", [1, 2], turn=True)
    assert taken(waiting) == [3]


def test_who_waits_for_something_lets_the_others_go_on() -> None:
    waiting = Line()
    waiting.add([*jobs("a", 1, 2), *jobs("b", 3)])
    assert taken(waiting) == [1, 2, 3]
    waiting.settle("a", [1], turn=False)
    waiting.settle("b", [3], turn=True)
    waiting.add(jobs("b", 4))
    assert taken(waiting) == [4]
    waiting.settle("a", [], turn=True)
    assert taken(waiting) == [2]


def test_what_is_read_twice_is_there_once() -> None:
    waiting = Line()
    waiting.add(jobs("a", 1, 2))
    waiting.add(jobs("a", 1, 2))
    assert len(waiting) == 2
    assert taken(waiting) == [1, 2]


def test_nothing_overtakes_what_there_was_no_room_for() -> None:
    waiting = Line()
    waiting.begin()
    many = range(1, line.MOST_OF_ONE + 10)
    waiting.add(jobs("a", *many))
    assert waiting.has_left_out
    first = taken(waiting, line.MOST_OF_ONE)
    waiting.settle("a", first, turn=True)
    waiting.add(jobs("a", line.MOST_OF_ONE + 10))
    assert taken(waiting) == [], "an earlier one has not been read yet"
    waiting.begin()
    waiting.add(jobs("a", *(id_ for id_ in many if id_ not in first)))
    assert taken(waiting) == [id_ for id_ in many if id_ not in first]


def test_a_host_that_sends_more_than_is_worked_through_leaves_room_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(line, "MOST", 12)
    monkeypatch.setattr(line, "MOST_OF_HOST", 6)
    waiting = Line()
    waiting.begin()
    for number in range(20):
        waiting.add(jobs(f"https://slow.example/users/{number}", number))
    assert len(waiting) == 6
    waiting.add(jobs("https://quick.example/users/a", 50))
    assert taken(waiting, 20) == [0, 1, 2, 3, 4, 5, 50]
    for number in range(6):
        waiting.settle(f"https://slow.example/users/{number}", [number], turn=True)
    waiting.begin()
    for number in range(6, 20):
        waiting.add(jobs(f"https://slow.example/users/{number}", number))
    assert taken(waiting, 20) == [6, 7, 8, 9, 10, 11]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(1, 5)), max_size=60),
    st.integers(1, 40),
)
def test_however_it_goes_each_actors_go_in_order_and_once(
    steps: list[tuple[str, bool, int]], count: int
) -> None:
    waiting = Line()
    waiting.add(Job(number, "abc"[number % 3]) for number in range(count))
    done: list[Job] = []
    out: dict[str, list[Job]] = {}
    for actor, turn, most in steps:
        for job in waiting.take(most):
            out.setdefault(job.actor, []).append(job)
        if actor in out:
            own = out.pop(actor)
            ended = own[:most] if turn else own[:1]
            done += ended
            waiting.settle(actor, [job.id for job in ended], turn=True)
    for actor in "abc":
        ids = [job.id for job in done if job.actor == actor]
        assert ids == sorted(set(ids))
        assert ids == [number for number in range(count) if "abc"[number % 3] == actor][: len(ids)]

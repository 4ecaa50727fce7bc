"""Several workers on one database: each actor's activities in their order and once, whoever works.

What two do at once is done on PostgreSQL; on SQLite whoever writes is alone.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, connections
from django.utils import timezone

from activitypub.inbox.context import Context
from activitypub.inbox.handlers import HANDLERS, Handler
from activitypub.inbox.line import Job
from activitypub.inbox.working import Worker
from activitypub.models import Post, Received, RemoteActor
from activitypub.protocol.documents.activities import Activity
from activitypub.services import working
from activitypub.services.working import Ended
from tests.activitypub.inbox.dying import arrived

pytestmark = pytest.mark.usefixtures("transactional_db")
together = pytest.mark.skipif(not settings.CLUSTER, reason="on SQLite one writes at a time")


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await sync_to_async(connections.close_all)()


def somebody(name: str) -> RemoteActor:
    uri = f"https://peer.example/users/{name}"
    return RemoteActor.objects.create(
        uri=uri, host="peer.example", username=name, inbox=f"{uri}/inbox", fetched_at=timezone.now()
    )


def sent(actor: RemoteActor, count: int = 1, kind: str = "Create") -> list[Job]:
    return [Job(arrived(actor.uri, kind).pk, actor.uri) for _ in range(count)]


def outcomes(*jobs: Job) -> list[str]:
    return [Received.objects.get(pk=job.id).outcome for job in jobs]


class Gate:
    """A handler that waits, in its transaction, until it is let go on."""

    def __init__(self, real: Handler) -> None:
        self.real = real
        self.inside, self.go_on = threading.Event(), threading.Event()

    def __call__(self, context: Context, activity: Activity) -> None:
        self.inside.set()
        assert self.go_on.wait(30)
        self.real(context, activity)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """What an Announce goes through."""
    gate = Gate(lambda context, activity: None)
    monkeypatch.setitem(cast(dict[str, Handler], HANDLERS), "Announce", gate)
    return gate


class Beside:
    """Work in another thread, on another connection."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.came: list[object] = []

        def run() -> None:
            try:
                self.came.append(call())
            except Exception as error:
                self.came.append(error)
            finally:
                connection.close()

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def end(self) -> object:
        self._thread.join(30)
        assert self.came, "it still works"
        return self.came[0]


@together
def test_while_one_works_for_an_actor_another_works_for_others_and_not_for_that_one(gate: Gate) -> None:
    alice, bob = somebody("alice"), somebody("bob")
    [first] = sent(alice, kind="Announce")
    [second] = sent(alice)
    [other] = sent(bob)
    one = Beside(lambda: working.work([first], {}, timezone.now()))
    assert gate.inside.wait(30)
    ended = working.work([first, second, other], {}, timezone.now())
    assert ended == {first.id: Ended.ELSEWHERE, second.id: Ended.ELSEWHERE, other.id: Ended.DONE}
    assert outcomes(first, second, other) == ["", "", "done"]
    gate.go_on.set()
    assert one.end() == {first.id: Ended.DONE}
    # It has read them both before; one is done now, and not done again.
    assert working.work([first, second], {}, timezone.now()) == {first.id: Ended.DONE, second.id: Ended.DONE}
    assert outcomes(first, second) == ["done", "done"]


@together
async def test_a_worker_goes_on_with_others_and_comes_back_to_whom_another_worked_for(gate: Gate) -> None:
    def arrive() -> tuple[list[Job], list[Job]]:
        alice, bob = somebody("alice"), somebody("bob")
        return [*sent(alice, kind="Announce"), *sent(alice, 3)], sent(bob, 3)

    held, free = await sync_to_async(arrive)()
    one = Beside(lambda: working.work(held[:1], {}, timezone.now()))
    assert await asyncio.to_thread(gate.inside.wait, 30)
    draining = asyncio.create_task(Worker().drain())
    done = sync_to_async(lambda: outcomes(*free))
    async with asyncio.timeout(30):
        while await done() != ["done"] * 3:  # noqa: ASYNC110
            # Another process's database tells nobody of it.
            await asyncio.sleep(0.01)
    assert await sync_to_async(outcomes)(*held) == [""] * 4
    gate.go_on.set()
    assert await asyncio.to_thread(one.end) == {held[0].id: Ended.DONE}
    async with asyncio.timeout(30):
        await draining
    assert await sync_to_async(outcomes)(*held) == ["done"] * 4
    assert await sync_to_async(Post.objects.count)() == 6


async def test_two_workers_do_everything_once_and_each_actors_in_its_order() -> None:
    def arrive() -> list[str]:
        people = [somebody(f"person{number}") for number in range(6)]
        for _ in range(20):
            for person in people:
                sent(person)
        return [person.uri for person in people]

    uris = await sync_to_async(arrive)()
    async with asyncio.timeout(60):
        await asyncio.gather(Worker().drain(), Worker().drain())

    def kept(uri: str) -> list[str]:
        rows = Post.objects.filter(author__uri=uri).order_by("received_at", "pk")
        return list(rows.values_list("content", flat=True))

    for uri in uris:
        said = await sync_to_async(kept)(uri)
        assert len(said) == 20
        assert said == sorted(said)
    assert await sync_to_async(Received.objects.filter(outcome="done").count)() == 120


# ---- what comes of two who write the same ----------------------------------------------------------------


@together
def test_what_another_has_just_written_is_seen_and_not_written_again(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two actors tell of the same post at once."""
    alice, bob = somebody("alice"), somebody("bob")
    [first] = sent(alice, kind="Announce")
    [second] = sent(bob, kind="Like")
    seen: list[bool] = []

    def writes(context: Context, activity: Activity) -> None:
        uri = "https://peer.example/users/alice/the-same"
        seen.append(Post.objects.filter(uri=uri).exists())
        if not seen[-1]:
            Post.objects.create(uri=uri, author=context.actor, published=context.now, visibility="public")

    gate.real = writes
    monkeypatch.setitem(cast(dict[str, Handler], HANDLERS), "Like", writes)
    # The one writes and has not ended when the other begins to write.
    after = threading.Event()
    real_write_down = working._Batch.write_down

    def slowly(batch: working._Batch) -> None:
        if first.actor in batch._ours:
            after.set()
            assert go_on.wait(30)
        real_write_down(batch)

    go_on = threading.Event()
    monkeypatch.setattr(working._Batch, "write_down", slowly)
    gate.go_on.set()
    one = Beside(lambda: working.work([first], {}, timezone.now()))
    assert after.wait(30)
    two = Beside(lambda: working.work([second], {}, timezone.now()))
    waits_for_it()
    go_on.set()
    assert (one.end(), two.end()) == ({first.id: Ended.DONE}, {second.id: Ended.DONE})
    assert seen == [False, False, True]
    assert Post.objects.count() == 1


def waits_for_it() -> None:
    """Wait until somebody waits for another's transaction."""
    for _ in range(3000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits")


def test_what_takes_the_others_along_is_done_alone_and_given_up_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alice, bob = somebody("alice"), somebody("bob")
    [bad] = sent(alice)
    [good] = sent(bob)
    write_down = working._Batch.write_down

    def fails(batch: working._Batch) -> None:
        if bad.id in batch._rows:
            raise IntegrityError("at the end of the transaction")
        write_down(batch)

    monkeypatch.setattr(working._Batch, "write_down", fails)
    for tried in range(1, working.MOST_FAULTS + 1):
        Received.objects.filter(pk=bad.id).update(not_before=None)
        ended = working.work([bad, good], {}, timezone.now())
        assert ended[good.id] is Ended.DONE
        assert ended[bad.id] is (Ended.LATER if tried < working.MOST_FAULTS else Ended.DONE)
    assert outcomes(bad, good) == ["failed", "done"]
    assert Post.objects.count() == 1


def test_who_had_to_give_way_to_another_begins_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deadlock(Exception):
        sqlstate = "40P01"

    jobs = [*sent(somebody("alice"), 2), *sent(somebody("bob"))]
    together, tried = working._together, []

    def gives_way(jobs: Sequence[Job], *rest: Any) -> Any:
        tried.append(len(jobs))
        if len(tried) == 1:
            raise OperationalError("deadlock detected") from Deadlock()
        return together(jobs, *rest)

    monkeypatch.setattr(working, "_together", gives_way)
    assert set(working.work(jobs, {}, timezone.now()).values()) == {Ended.DONE}
    assert tried == [3, 1, 1, 1]
    assert outcomes(*jobs) == ["done"] * 3


def test_a_database_that_is_away_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    [job] = sent(somebody("alice"))

    def away(batch: working._Batch) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(working._Batch, "write_down", away)
    with pytest.raises(OperationalError):
        working.work([job], {}, timezone.now())
    row = Received.objects.get()
    assert (row.outcome, row.attempts) == ("", 0)


def test_what_was_put_off_by_another_is_not_tried_before_its_time() -> None:
    [job] = sent(somebody("alice"))
    now = timezone.now()
    working.put_off(Received.objects.get(), "fetch_timeout", now)
    assert working.work([job], {}, now) == {job.id: Ended.DONE}
    row = Received.objects.get()
    assert (row.outcome, row.attempts) == ("", 1)
    assert [found.id for found in working.due(row.not_before or now, 9)] == [job.id]

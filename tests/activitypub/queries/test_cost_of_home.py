"""What home and the inbox cost: as much however much those have written whom one follows."""

import random
from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activitypub.ids import new_id
from activitypub.models import Actor, Boost, Follow, FollowState, LocalActor, Post, Visibility
from activitypub.queries import inbox, newest, timelines
from activitypub.queries.timelines import Entry, Place
from tests.activitypub.plans import scans
from tests.activitypub.queries.test_timelines import boost, post
from tests.activitypub.test_actors import actor_of, remote
from tests.people import Person


@pytest.fixture
def alice(person: Person) -> LocalActor:
    return actor_of(person)


def followed(alice: LocalActor, many: int) -> list[Actor]:
    people: list[Actor] = [remote(f"bob{number}") for number in range(many)]
    for one in people:
        Follow.objects.create(follower=alice, followee=one, state=FollowState.ACCEPTED)
    return people


def write(people: list[Actor], many: int) -> None:
    """Add so many posts by each, in turn."""
    base, pattern = new_id(), post(people[0])
    columns = [field.column for field in Post._meta.concrete_fields]
    copied = ", ".join(f'"{name}"' for name in columns if name not in ("id", "uri", "author_id"))
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)"
    with connection.cursor() as cursor:
        for place, one in enumerate(people):
            row = f"{base} + i * 8192 + {place}"
            cursor.execute(
                f"INSERT INTO activitypub_post (id, uri, author_id, {copied}) {numbers} "  # noqa: S608
                f"SELECT {row}, {row}, {one.pk}, {copied} FROM n, activitypub_post WHERE id = {pattern.pk}",
                [many],
            )


def work(call: Callable[[], object]) -> int:
    """How much SQLite does for it: hundreds of steps of its machine, the same on every machine."""
    done = [0]

    def count() -> int:
        done[0] += 1
        return 0

    connection.connection.set_progress_handler(count, 100)
    try:
        call()
    finally:
        connection.connection.set_progress_handler(None, 0)
    return done[0]


@pytest.mark.skipif(settings.CLUSTER, reason="counts what SQLite does")
@pytest.mark.parametrize("people", [1, 20])
def test_a_page_costs_the_same_however_much_was_written(alice: LocalActor, people: int) -> None:
    circle = followed(alice, people)
    write(circle, 1_000 // people)
    first = work(lambda: inbox.page(alice))
    deep = str(Post.objects.order_by("-pk").values_list("pk", flat=True)[500])
    before = {"inbox": first, "home": work(lambda: timelines.home(alice))}
    before["deep"] = work(lambda: inbox.page(alice, deep))
    write(circle, 19_000 // people)
    after = {"inbox": work(lambda: inbox.page(alice)), "home": work(lambda: timelines.home(alice))}
    after["deep"] = work(lambda: inbox.page(alice, deep))
    assert len(inbox.page(alice).items) == inbox.PAGE_SIZE
    for what, cost in after.items():
        assert cost < before[what] * 1.5, what


# --- Nothing is missing ------------------------------------------------------------------------------


def life(alice: LocalActor, seed: int) -> list[int]:
    """Posts and boosts by some people in turn, many of which are not shown; the places of those that are, the
    newest first."""
    chance = random.Random(seed)
    stranger = remote("stranger")
    strange, people = post(stranger), [alice, *followed(alice, chance.randint(1, 6))]
    shown, boosted = [], []
    for _ in range(60):
        one = chance.choice(people[: chance.randint(1, len(people))])
        match chance.randint(0, 5):
            case 0 | 1:
                post(one, in_reply_to=strange)
            case 2:
                post(one, Visibility.DIRECT)
            case 3 if (by := (one, post(stranger))) not in boosted:
                boosted.append(by)
                shown.append(boost(*by).pk)
            case _:
                shown.append(post(one).pk)
    return sorted(shown, reverse=True)


@pytest.mark.parametrize("seed", range(6))
def test_whoever_goes_on_to_the_end_has_all_of_it_once(
    alice: LocalActor, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest, "_EACH", (1, 2, 4))
    monkeypatch.setattr(newest, "MANY", 4)
    shown = life(alice, seed)
    found: list[Entry] = []
    place = Place(limit=3)
    for _ in range(500):
        part = timelines.home_part(alice, place)
        assert all(entry.id >= part.down_to for entry in part.entries)
        assert len(part.entries) <= 2 * place.size
        found += part.entries
        if not part.down_to:
            break
        assert part.down_to < (place.before or timelines.LARGEST)
        place = Place(before=part.down_to, limit=3)
    assert [entry.id for entry in found] == shown
    own = {entry.id for entry in found if (entry.boost.actor if entry.boost else entry.post.author) == alice}
    uris = dict(Post.objects.values_list("pk", "uri")) | dict(Boost.objects.values_list("pk", "uri"))
    others = {uris[place] for place in shown if place not in own}
    arrived: list[str] = []
    at = "first"
    while at:
        page = inbox.page(alice, at)
        arrived += [one.uri if isinstance(one, Boost) else one.post.uri for one in page.items]  # type: ignore[union-attr]
        at = page.next
    assert (len(arrived), set(arrived)) == (len(others), others)


@pytest.mark.parametrize("seed", range(3))
def test_what_came_after_a_place_is_all_there(
    alice: LocalActor, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest, "_EACH", (1, 2, 4))
    monkeypatch.setattr(newest, "MANY", 4)
    shown = life(alice, seed)
    for at in (shown[0], shown[3], shown[-1], 1):
        newer = [place for place in shown if place > at]
        assert [entry.id for entry in timelines.home(alice, Place(after=at, limit=2))] == newer[:2]


@pytest.mark.skipif(settings.CLUSTER, reason="PostgreSQL plans by how many rows there are: here few")
def test_nothing_is_found_by_going_through_a_whole_table(alice: LocalActor) -> None:
    with CaptureQueriesContext(connection) as captured:
        inbox.page(alice)
    assert scans(query["sql"] for query in captured.captured_queries) == []

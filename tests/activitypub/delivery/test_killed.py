"""A worker killed at random moments (SIGKILL) loses nothing, and repeats what was under way, once for each
death, and nothing else."""

import asyncio
import json
import random
from collections import Counter
from pathlib import Path

import pytest

from activitypub.delivery.lanes import AT_ONCE
from tests.activitypub.delivery.inboxes import Inboxes
from tests.crashes import ENDED, FAILED, KILLED, Crashes
from tests.live import LiveServer

WORKS = "tests.activitypub.delivery.dying"
LONGEST_LIFE = 0.3

Owed = set[tuple[str, str]]


@pytest.mark.parametrize("inboxes", [20], indirect=True)
@pytest.mark.parametrize(
    ("cluster", "deaths"),
    [
        pytest.param(False, 100, id="sqlite"),
        pytest.param(True, 30, id="postgresql", marks=pytest.mark.needs("postgres", "redis")),
    ],
)
async def test_a_worker_killed_at_any_moment_loses_nothing_and_repeats_only_what_was_under_way(
    tmp_path: Path, inboxes: Inboxes, cluster: bool, deaths: int
) -> None:
    server, left = LiveServer(tmp_path, cluster=cluster), tmp_path / "left"
    try:
        await asyncio.to_thread(server.prepare)
        env = {
            **server.env,
            "HVX_FEDERATION_ALLOW_PRIVATE": "true",
            "HOSTS": json.dumps(inboxes.hosts),
            "LEFT": str(left),
        }
        with (
            Crashes(f"{WORKS}:publish", env) as publishing,
            Crashes(f"{WORKS}:deliver", env) as delivering,
            Crashes(f"{WORKS}:tell", env) as telling,
        ):
            sent: Owed = set()
            owed: Owed = set()
            expected: Counter[tuple[str, str]] = Counter()
            lives: list[str] = []
            while lives.count(KILLED) < deaths or owed:
                if not owed:
                    assert await asyncio.to_thread(publishing.run) == ENDED
                    owed = _read(left)
                    sent |= owed
                before = len(inboxes.posts)
                enough = lives.count(KILLED) >= deaths
                seconds = 60 if enough else random.uniform(0, LONGEST_LIFE)
                lives.append(await asyncio.to_thread(delivering.kill_after, seconds))
                assert lives[-1] != FAILED
                await inboxes.quiet()
                posted = Counter((post.id, post.url) for post in inboxes.posts[before:])
                assert set(posted) <= owed, "what was written down as delivered is not sent again"
                assert set(posted.values()) <= {1}, "one life sends nothing twice"
                assert await asyncio.to_thread(telling.run) == ENDED
                owed = _read(left)
                # What came there and was not written down: it was under way when the worker died.
                unwritten = set(posted) & owed
                assert len(unwritten) <= (AT_ONCE if lives[-1] == KILLED else 0)
                expected.update(unwritten)
    finally:
        await asyncio.to_thread(server.close)
    expected.update(sent)
    assert inboxes.counts() == expected, "each once, and once more for each death while it was under way"
    bodies = {(post.id, post.body) for post in inboxes.posts}
    assert len(bodies) == len({post.id for post in inboxes.posts}), "the same to the byte"


def _read(left: Path) -> Owed:
    return {(activity, inbox) for activity, inbox in json.loads(left.read_text())}

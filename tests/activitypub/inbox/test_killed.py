"""Workers killed at random moments (SIGKILL) lose nothing of what came in, and do nothing twice: one on
SQLite, two that work at the same time on PostgreSQL."""

import asyncio
import contextlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.activitypub.inbox.dying import ACTORS
from tests.crashes import ENDED, FAILED, KILLED, Crashes
from tests.live import LiveServer

WORKS = "tests.activitypub.inbox.dying"
LONGEST_LIFE = 0.4


@pytest.mark.parametrize(
    ("cluster", "workers", "deaths"),
    [
        pytest.param(False, 1, 100, id="sqlite"),
        pytest.param(True, 2, 50, id="postgresql", marks=pytest.mark.needs("postgres", "redis")),
    ],
)
async def test_a_worker_killed_at_any_moment_loses_nothing_and_does_nothing_twice(
    tmp_path: Path, cluster: bool, workers: int, deaths: int
) -> None:
    server, left = LiveServer(tmp_path, cluster=cluster), tmp_path / "left"
    try:
        await asyncio.to_thread(server.prepare)
        env = {**server.env, "LEFT": str(left)}
        did = [tmp_path / f"did{number}" for number in range(workers)]
        with contextlib.ExitStack() as stack:
            arriving = stack.enter_context(Crashes(f"{WORKS}:arrive", env))
            telling = stack.enter_context(Crashes(f"{WORKS}:tell", env))
            working = [
                stack.enter_context(Crashes(f"{WORKS}:work", env | {"DID": str(path)})) for path in did
            ]
            lives: list[str] = []
            arrived = 0
            told: dict[str, Any] = {"waiting": 0}
            while lives.count(KILLED) < deaths or told["waiting"]:
                if not told["waiting"]:
                    assert await asyncio.to_thread(arriving.run) == ENDED
                    arrived += 1
                enough = lives.count(KILLED) >= deaths
                lives += await asyncio.gather(
                    *(
                        asyncio.to_thread(
                            worker.kill_after, 60 if enough else random.uniform(0, LONGEST_LIFE)
                        )
                        for worker in working
                    )
                )
                assert FAILED not in lives
                assert await asyncio.to_thread(telling.run) == ENDED
                told = json.loads(left.read_text())
    finally:
        await asyncio.to_thread(server.close)
    for path in did:
        assert sum(map(int, path.read_text().split())) > 0, "each has worked"
    stories = arrived * ACTORS
    assert told["outcomes"] == ["done"] * 8 * stories
    assert told["stories"] == [["third", 2, 1, 1]] * stories
    assert (told["replies"], told["boosts"]) == (stories, stories)

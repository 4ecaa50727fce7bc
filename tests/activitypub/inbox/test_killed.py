"""A worker killed at random moments (SIGKILL) loses nothing of what came in, and does nothing twice."""

import asyncio
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
    ("cluster", "deaths"),
    [
        pytest.param(False, 100, id="sqlite"),
        pytest.param(True, 30, id="postgresql", marks=pytest.mark.needs("postgres", "redis")),
    ],
)
async def test_a_worker_killed_at_any_moment_loses_nothing_and_does_nothing_twice(
    tmp_path: Path, cluster: bool, deaths: int
) -> None:
    server, left = LiveServer(tmp_path, cluster=cluster), tmp_path / "left"
    try:
        await asyncio.to_thread(server._prepare)
        env = {**server.env, "LEFT": str(left)}
        with (
            Crashes(f"{WORKS}:arrive", env) as arriving,
            Crashes(f"{WORKS}:work", env) as working,
            Crashes(f"{WORKS}:tell", env) as telling,
        ):
            lives: list[str] = []
            arrived = 0
            told: dict[str, Any] = {"waiting": 0}
            while lives.count(KILLED) < deaths or told["waiting"]:
                if not told["waiting"]:
                    assert await asyncio.to_thread(arriving.run) == ENDED
                    arrived += 1
                enough = lives.count(KILLED) >= deaths
                seconds = 60 if enough else random.uniform(0, LONGEST_LIFE)
                lives.append(await asyncio.to_thread(working.kill_after, seconds))
                assert lives[-1] != FAILED
                assert await asyncio.to_thread(telling.run) == ENDED
                told = json.loads(left.read_text())
    finally:
        await asyncio.to_thread(server.close)
    stories = arrived * ACTORS
    assert told["outcomes"] == ["done"] * 8 * stories
    assert told["stories"] == [["third", 2, 1, 1]] * stories
    assert (told["replies"], told["boosts"]) == (stories, stories)

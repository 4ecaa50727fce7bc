"""SIGKILL at any moment of writing: the chains stay whole, and nothing is lost that was answered."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crashes import ENDED, KILLED, Crashes
from tests.live import LiveServer

DEATHS = 100


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LiveServer]:
    """A server's data folder and database, migrated; the server itself does not run."""
    place = LiveServer(tmp_path, env={"ANSWERED": str(tmp_path / "answered")})
    place.prepare()
    try:
        yield place
    finally:
        place.close()


def test_a_hundred_deaths_leave_whole_chains_and_lose_nothing_that_was_answered(place: LiveServer) -> None:
    with (
        Crashes("tests.audit.writing:write", place.env) as writing,
        Crashes("tests.audit.writing:check", place.env) as checking,
    ):
        for death in range(1, DEATHS + 1):
            # The first tenth of a second goes into the way to the database.
            assert writing.kill_after(random.uniform(0.05, 0.25)) == KILLED
            if death % 10 == 0:
                assert checking.run() == ENDED, f"after {death} deaths"
    answered = Path(place.env["ANSWERED"]).read_text().splitlines()
    assert len(answered) > DEATHS

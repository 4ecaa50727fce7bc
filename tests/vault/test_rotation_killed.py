"""Rotation of data keys, killed at random moments beside a writer: nothing is lost, every value opens."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.crashes import ENDED, FAILED, KILLED, Crashes
from tests.live import REPOSITORY, LiveServer
from tests.vault.data_rotating import ACCOUNTS

WORKS = "tests.vault.data_rotating"


def process(function: str, env: Mapping[str, str]) -> subprocess.Popen[str]:
    program = f"import django; django.setup(); from {WORKS} import {function}; {function}()"
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env=env,
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("cluster", "deaths"),
    [
        pytest.param(False, 100, id="sqlite"),
        pytest.param(True, 30, id="postgresql", marks=pytest.mark.needs("postgres", "redis")),
    ],
)
def test_a_rotation_killed_at_any_moment_loses_nothing(tmp_path: Path, cluster: bool, deaths: int) -> None:
    with LiveServer(tmp_path, cluster=cluster) as server:
        env = server.env
        with Crashes(f"{WORKS}:fill", env) as fill:
            assert fill.run() == ENDED
        expected: dict[str, str | None] = {f"filled{n}": f"filled{n}@example.org" for n in range(ACCOUNTS)}
        with (
            process("write", env) as writer,
            Crashes(f"{WORKS}:rotate", env) as rotate,
            Crashes(f"{WORKS}:check", env) as check,
        ):
            outcomes: list[str] = []
            longest = 2.0
            while outcomes.count(KILLED) < deaths:
                began = time.monotonic()
                outcomes.append(rotate.kill_after(random.uniform(0, longest)))
                assert outcomes[-1] != FAILED
                if outcomes[-1] == ENDED:
                    # What a rotation takes now, so that few outlive the moment that is drawn.
                    longest = time.monotonic() - began
                if len(outcomes) % 20 == 0:
                    assert check.run() == ENDED
            confirmed, _ = writer.communicate(timeout=60)
            assert writer.returncode == 0
            assert rotate.run() == ENDED
        with process("tell", env) as teller:
            found = json.loads(teller.communicate(timeout=60)[0])
    for name, email in map(json.loads, confirmed.splitlines()):
        expected[name] = email
    assert len(confirmed.splitlines()) > deaths
    assert found["emails"] == {name: email for name, email in expected.items() if email is not None}
    assert len(found["generations"]) == 1

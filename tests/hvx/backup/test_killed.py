"""Killed at any moment (SIGKILL), a back-up is whole or not there, and a restore can be begun again."""

import itertools
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.crashes import ENDED, KILLED, Crashes
from tests.hvx.backup.places import begun, contents, key_file, place, refusal
from tests.live import LiveServer

DEATHS = 100
RESTORES = 20
MOST_AT_ONE_PLACE = 10


def back_up() -> None:
    """What is killed: one back-up, replacing the one before."""
    from django.core.management import call_command

    call_command("backup", os.environ["BACK_UP"], "--force")


def restore() -> None:
    """What is killed: one restore."""
    from django.core.management import call_command

    call_command("restore", os.environ["BACK_UP"], "--root-key-file", os.environ["KEY_FILE"])


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = begun(tmp_path_factory.mktemp("origin"))
    server.manage("invite", "--uses", "3")
    yield server
    server.close()


def environment(server: LiveServer, **more: str) -> dict[str, str]:
    return {**server.env, **more}


def nobody(unsealing: object) -> NoReturn:
    raise AssertionError("asked, though a key file was named")


def seconds_of(crashes: Crashes) -> float:
    """How long the work takes when nobody disturbs it."""
    began = time.monotonic()
    assert crashes.run() == ENDED
    return time.monotonic() - began


def test_a_back_up_killed_at_any_moment_leaves_the_whole_of_the_last_one(
    origin: LiveServer, tmp_path: Path
) -> None:
    from hvx.backup import container, opening, records

    path = tmp_path / "folder" / "server.hvx"
    path.parent.mkdir()
    outcomes: list[str] = []

    def is_whole() -> bool:
        with path.open("rb") as source:
            vault_file = container.read_vault_file(source)
            root = opening.root(vault_file, key_file(origin), nobody)
            return isinstance(
                list(records.read(container.content(source, root, vault_file)))[-1], records.Counts
            )

    with Crashes("tests.hvx.backup.test_killed:back_up", environment(origin, BACK_UP=str(path))) as crashes:
        seconds = seconds_of(crashes)
        while outcomes.count(KILLED) < DEATHS:
            outcomes.append(crashes.kill_after(random.uniform(0, seconds)))
            if outcomes[-1] == ENDED:
                # It was measured while something else had the machine.
                seconds *= 0.9
            assert is_whole()
            strange = [found for found in path.parent.iterdir() if found != path]
            # A whole one that had its name still to come, if any, and never one under the name asked for.
            assert all(found.name.startswith(".server.hvx.") for found in strange)


def test_a_first_back_up_killed_at_any_moment_leaves_no_file_that_is_not_whole(
    origin: LiveServer, tmp_path: Path
) -> None:
    path = tmp_path / "server.hvx"
    with Crashes("tests.hvx.backup.test_killed:back_up", environment(origin, BACK_UP=str(path))) as crashes:
        seconds = seconds_of(crashes)
        path.unlink()
        for _ in range(20):
            if crashes.kill_after(random.uniform(0, 0.9 * seconds)) == KILLED and not path.exists():
                assert list(tmp_path.iterdir()) == []
            path.unlink(missing_ok=True)


def test_a_restore_killed_at_any_moment_is_begun_again_and_ends(origin: LiveServer, tmp_path: Path) -> None:
    file = tmp_path / "server.hvx"
    origin.manage("backup", str(file))
    more = {"BACK_UP": str(file), "KEY_FILE": str(key_file(origin))}
    seconds = killed = 0.0
    for number in itertools.count():
        target = place(tmp_path / str(number), origin)
        with Crashes("tests.hvx.backup.test_killed:restore", environment(target, **more)) as crashes:
            if number == 0:
                seconds = seconds_of(crashes)
                continue
            # As often as it takes to see a few deaths at one place.
            for _ in range(MOST_AT_ONE_PLACE):
                if crashes.kill_after(random.uniform(0, seconds)) != KILLED:
                    # A busy machine has become less so.
                    seconds *= 0.7
                    break
                killed += 1
                there = contents(target.data_dir)
                assert there == [] or "restoring" in there or _is_done(target)
            if "restoring" in contents(target.data_dir):
                assert "was cut short" in refusal(target, "serve")
            assert _is_done(target) or crashes.run() == ENDED
        # All is there: another back-up reads every row and opens every key.
        target.manage("backup", str(tmp_path / f"{number}.hvx"))
        if killed >= RESTORES:
            break


def _is_done(target: LiveServer) -> bool:
    there = contents(target.data_dir)
    return "restoring" not in there and {"hvx.sqlite3", "root.key", "vault.json"} <= {*there}

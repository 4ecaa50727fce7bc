"""Killed at any moment of migrating, what is applied and what the audit says come together again."""

import random
import time
from pathlib import Path

from tests.crashes import ENDED, KILLED, Crashes
from tests.hvx.backup.places import place

DEATHS = 20


def migrate_back_and_forth() -> None:
    """What is killed: a migration taken back, and applied again."""
    from django.core.management import call_command

    call_command("migrate", "hvx", "zero", verbosity=0, no_backup=True)
    call_command("migrate", verbosity=0, no_backup=True)


def mend() -> None:
    """What an operator does then, and what a start asks for."""
    from django.core.management import call_command

    from hvx.schema import history, manifest

    call_command("migrate", verbosity=0, no_backup=True)
    history.require_as_audited(manifest.read())


def test_a_migrating_killed_at_any_moment_is_mended_by_migrating(tmp_path: Path) -> None:
    server = place(tmp_path / "server")
    server.manage("migrate", "--verbosity", "0")
    module = "tests.hvx.schema.test_killed"
    with (
        Crashes(f"{module}:migrate_back_and_forth", server.env) as killing,
        Crashes(f"{module}:mend", server.env) as mending,
    ):
        began = time.monotonic()
        assert killing.run() == ENDED
        seconds = time.monotonic() - began
        outcomes = []
        for _ in range(DEATHS):
            outcomes.append(killing.kill_after(random.uniform(0, seconds)))
            assert mending.run() == ENDED
    assert outcomes.count(KILLED) > DEATHS / 2
    server.close()

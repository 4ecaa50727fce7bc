"""Killed at any moment of migrating, what is applied and what the audit says come together again."""

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

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


def first_migrating_killed_at_its_end() -> None:
    """What is killed: all is applied and the key ring is there, and nothing has been noted after it."""
    from unittest import mock

    from django.core.management import call_command
    from django.db import connection

    from hvx.schema import history

    note = history.note

    def noted(*arguments: Any, **options: Any) -> None:
        if not connection.in_atomic_block:
            os.kill(os.getpid(), signal.SIGKILL)
        note(*arguments, **options)

    with mock.patch.object(history, "note", noted):
        call_command("migrate", verbosity=0)


def test_a_first_migrating_killed_at_its_end_is_mended_by_migrating(tmp_path: Path) -> None:
    server = place(tmp_path / "server")
    with Crashes("tests.hvx.schema.test_killed:first_migrating_killed_at_its_end", server.env) as killing:
        assert killing.run() == KILLED
    server.manage("migrate", "--verbosity", "0")
    with Crashes("tests.hvx.schema.test_killed:mend", server.env) as mending:
        assert mending.run() == ENDED
    server.manage("audit", "verify")
    shown = server.manage("audit", "show", "--json", "--event", "migration_applied", "--limit", "1000")
    told = [json.loads(line)["details"]["migration"] for line in shown.splitlines()]
    assert len(told) == len(set(told)) > 0
    server.close()


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
        deaths = 0
        while deaths < DEATHS:
            if killing.kill_after(random.uniform(0, seconds)) == KILLED:
                deaths += 1
            else:
                # It was measured while something else had the machine.
                seconds *= 0.8
            assert mending.run() == ENDED
    server.close()

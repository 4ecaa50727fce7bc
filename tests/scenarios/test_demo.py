"""`make demo` plays to its end."""

import os
import subprocess
import sys

import pytest

from tests.live import REPOSITORY

pytestmark = pytest.mark.needs("gnupg")


def test_the_demo_hands_the_key_over_and_finds_it_nowhere_else() -> None:
    played = subprocess.run(
        [sys.executable, "-m", "scripts.demo"], cwd=REPOSITORY, capture_output=True, text=True, timeout=300
    )
    assert played.returncode == 0, played.stdout + played.stderr
    assert "FOUND" not in played.stdout
    # The server's memory is closed to all but root.
    assert played.stdout.count("searched, nothing found") >= (3 if os.geteuid() == 0 else 2)
    assert played.stdout.endswith("The key is on Alice's devices and in her back-up, and nowhere else.\n")

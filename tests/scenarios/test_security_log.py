"""`hvx security-log`, with the real command and a real server."""

from pathlib import Path

import pytest

from tests.live import LiveServer
from tests.scenarios.test_handoff import registered

pytestmark = pytest.mark.needs("gnupg")


def test_it_shows_the_registration_by_this_device_from_this_network(
    server: LiveServer, tmp_path: Path
) -> None:
    people = registered(server, tmp_path)
    code, said = people.on(people.laptop, "security-log", "--most", "50")
    assert code == 0, said
    [line] = [line for line in said.splitlines() if "registered" in line]
    assert " this" in line
    code, said = people.on(people.laptop, "security-log", "--most", "1")
    assert code == 0, said
    assert "registered" not in said

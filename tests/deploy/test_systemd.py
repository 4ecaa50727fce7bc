"""The unit file, as systemd itself reads it."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.live import REPOSITORY

UNIT = REPOSITORY / "deploy" / "systemd" / "hvx.service"

pytestmark = pytest.mark.needs("systemd")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with this checkout in the place of /opt/hvx, so that its commands exist."""
    copy = tmp_path / "hvx.service"
    copy.write_text(UNIT.read_text().replace("/opt/hvx", str(REPOSITORY)))
    return copy


def test_a_unit_with_a_misspelt_directive_is_not_accepted(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("ProtectSystem=", "ProtectSystm="))
    assert "ProtectSystm" in analyze("verify", "--man=no", str(unit)).stderr


def test_systemd_accepts_the_unit_without_a_word(unit: Path) -> None:
    done = analyze("verify", "--man=no", str(unit))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_leaves_the_server_hardly_exposed(unit: Path) -> None:
    text = analyze("security", "--offline=yes", "--no-pager", str(unit)).stdout
    found = re.search(r"Overall exposure level for hvx\.service: ([0-9.]+)", text)
    assert found is not None, text
    assert float(found.group(1)) <= 1.5

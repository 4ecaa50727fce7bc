"""Whether the packages in the lock are known to be vulnerable: what was not looked up is never silent."""

import subprocess
import sys
from typing import Any

import pytest

from scripts import dependencies
from scripts.dependencies import judge
from tests.live import REPOSITORY

GOOD: dict[str, Any] = {"name": "good", "version": "1", "vulns": []}
BAD: dict[str, Any] = {"name": "bad", "version": "2", "vulns": [{"id": "CVE-1"}, {"id": "CVE-2"}]}
SKIPPED: dict[str, Any] = {"name": "absent", "skip_reason": "Dependency not found"}


def test_a_known_vulnerability_fails_and_is_named() -> None:
    verdict = judge({"dependencies": [GOOD, BAD]}, "")
    assert verdict.vulnerable
    assert verdict.sentences == ["VULNERABLE: bad 2, CVE-1, CVE-2"]


def test_a_vulnerability_is_not_hidden_by_what_was_skipped() -> None:
    verdict = judge({"dependencies": [SKIPPED, BAD]}, "")
    assert verdict.vulnerable
    assert verdict.incomplete
    assert "NOT LOOKED UP, 1 of 2 packages; the first: Dependency not found" in verdict.sentences


def test_what_was_only_skipped_is_not_called_free_of_vulnerabilities() -> None:
    """pip-audit calls it that, where an index does not tell of vulnerabilities."""
    verdict = judge({"dependencies": [SKIPPED, SKIPPED]}, "")
    assert verdict.incomplete
    assert not any("none with a known vulnerability" in sentence for sentence in verdict.sentences)


@pytest.mark.parametrize(
    ("said", "told"),
    [("", "it said nothing"), ("Traceback…\n  line\nConnectionError: no\n", "ConnectionError: no")],
)
def test_no_report_is_said_with_the_reason(said: str, told: str) -> None:
    verdict = judge(None, said)
    assert verdict.incomplete
    assert verdict.sentences == [f"NOT LOOKED UP, no package at all: {told}"]


def test_an_empty_report_is_no_report() -> None:
    assert judge({"dependencies": []}, "").incomplete


def test_packages_that_were_looked_up_are_counted() -> None:
    verdict = judge({"dependencies": [GOOD, GOOD]}, "")
    assert (verdict.vulnerable, verdict.incomplete) == (False, False)
    assert verdict.sentences == ["2 packages looked up, none with a known vulnerability"]


@pytest.mark.parametrize(("required", "status"), [("", 0), ("1", 1)])
def test_without_a_network_it_is_said_and_fails_only_where_it_is_required(required: str, status: int) -> None:
    nowhere = "http://127.0.0.1:9"  # the port that discards; nothing listens there
    done = subprocess.run(
        [sys.executable, "-m", "scripts.dependencies"],
        env={"PATH": "/usr/bin:/bin", "https_proxy": nowhere, "HVX_AUDIT_REQUIRED": required},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=dependencies.PATIENCE_SECONDS,
    )
    assert done.returncode == status, done.stderr
    assert "NOT LOOKED UP" in done.stdout

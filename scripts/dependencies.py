"""Looks the locked packages up among the known vulnerabilities, by pip-audit, where the network allows.

    python -m scripts.dependencies

A known vulnerability fails. A package that was not looked up is said, with the reason, and fails nothing
unless HVX_AUDIT_REQUIRED=1: pip-audit itself counts what it could not find as no vulnerability.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
LOCK = REPOSITORY / "requirements-dev.lock"
PIP_AUDIT = Path(sys.executable).with_name("pip-audit")
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Verdict:
    """What is said, and whether something is known to be vulnerable, or was not looked up."""

    sentences: list[str]
    vulnerable: bool = False
    incomplete: bool = False


def judge(report: dict[str, Any] | None, said: str) -> Verdict:
    """Judge pip-audit's report; None where it made none, and then what it said last."""
    if report is None:
        # Its last line alone: those before are a traceback.
        reason = (said.strip().splitlines() or ["it said nothing"])[-1][:300]
        return Verdict([f"NOT LOOKED UP, no package at all: {reason}"], incomplete=True)
    packages = report["dependencies"]
    skipped = [package for package in packages if "skip_reason" in package]
    vulnerable = [package for package in packages if package.get("vulns")]
    sentences = []
    for package in vulnerable:
        known = ", ".join(each["id"] for each in package["vulns"])
        sentences.append(f"VULNERABLE: {package['name']} {package['version']}, {known}")
    if skipped:
        first = skipped[0]["skip_reason"]
        sentences.append(f"NOT LOOKED UP, {len(skipped)} of {len(packages)} packages; the first: {first}")
    looked_up = len(packages) - len(skipped)
    if looked_up and not vulnerable:
        sentences.append(f"{looked_up} packages looked up, none with a known vulnerability")
    if not packages:
        sentences.append("NOT LOOKED UP, the lock names no package")
    return Verdict(sentences, bool(vulnerable), bool(skipped) or not packages)


def look_up(lock: Path) -> Verdict:
    """Run pip-audit over a lock file: every package in it has a hash, so none is fetched or built."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "report.json"
        command = [str(PIP_AUDIT), "--requirement", str(lock), "--require-hashes", "--disable-pip"]
        command += [
            "--progress-spinner",
            "off",
            "--timeout",
            "15",
            "--format",
            "json",
            "--output",
            str(found),
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
            )
        except subprocess.TimeoutExpired:
            return judge(None, f"no answer within {PATIENCE_SECONDS} s")
        report = json.loads(found.read_bytes()) if found.exists() and found.stat().st_size else None
        return judge(report, done.stderr)


def main() -> None:
    verdict = look_up(LOCK)
    for sentence in verdict.sentences:
        print(f"pip-audit: {sentence}.")
    required = os.environ.get("HVX_AUDIT_REQUIRED") == "1"
    sys.exit(verdict.vulnerable or (required and verdict.incomplete))


if __name__ == "__main__":
    main()

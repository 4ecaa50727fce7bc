"""What the encryption of the embedded database costs."""

import json
from pathlib import Path

from bench import figures
from bench.figures import Report
from bench.server import BenchServer


def database(encrypted: BenchServer, folder: Path, report: Report) -> None:
    """The same work on a filled database and on a plain copy of it; the copy goes into `folder`."""
    report.progress("the embedded database, encrypted and plain")
    plain = BenchServer(folder, filled=encrypted.data_dir)
    plain.manage("vault", "encrypt-database", "--decrypt")
    found = json.loads(encrypted.run_module("bench.databases", str(plain.data_dir / "hvx.sqlite3")))
    report.section("The embedded database by SQLCipher, and the same rows in a plain one")
    for name, rounds in found.items():
        wall, cpu = (
            figures.median(each["default"][clock] / each["plain"][clock] for each in rounds)
            for clock in (0, 1)
        )
        milliseconds = figures.median(each["default"][0] for each in rounds) * 1e3
        report.row(name, f"{milliseconds:,.1f} ms, {wall:.2f} times plain; CPU {cpu:.2f} times")

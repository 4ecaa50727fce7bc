"""What sealing costs: a value beside the bare primitive, a list beside a list in clear, a rotation."""

import json
from pathlib import Path

from bench import figures
from bench.figures import Report
from bench.server import BenchServer


def sealed_fields(filled: Path, folder: Path, report: Report) -> None:
    """Measured in a process of its own, on a copy of a filled database that goes into `folder`."""
    report.progress("sealed fields beside the bare primitive, and a list beside one in clear")
    server = BenchServer(folder, filled=filled)
    found = json.loads(server.run_module("bench.vault_fields"))
    report.section("Sealed fields: AES-256-GCM-SIV through the model's field")
    for way in ("seal", "open"):
        rounds = found[way]
        share = figures.median(bare / sealed for bare, sealed in rounds)
        bare, sealed = (figures.median(each[place] for each in rounds) * 1e6 for place in (0, 1))
        report.row(
            f"{way} 200 bytes, bare primitive : field",
            f"{bare:.2f} µs : {sealed:.2f} µs, {share:.0%} of its rate",
            wanted="≥ 60%",
            met=share >= 0.6,
        )
    for what, wanted in (("e-mails opened", 1.3), ("e-mails not opened", None)):
        rounds = found[what]
        times = figures.median(sealed / plain for plain, sealed in rounds)
        milliseconds = figures.median(sealed for _, sealed in rounds) * 1e3
        report.row(
            f"1,000 accounts, {what}",
            f"{milliseconds:.1f} ms, {times:.2f} times plain",
            wanted="" if wanted is None else f"≤ {wanted}",
            met=None if wanted is None else times <= wanted,
        )
    report.row("rotate-data", f"{found['rotated a second']:,.0f} values a second of work")

"""`make bench`: everything that is measured, in one run. Ends by itself and speaks to loopback only."""

import gc
import json
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvloop

from bench import audit, encryption, federation, measures, vault
from bench.figures import Report
from bench.handoff import Pair
from bench.server import BenchServer

PAIRS = 500


async def measure(folder: Path, report: Report) -> None:
    report.progress(f"filling a database with {PAIRS} accounts of two devices")
    source = BenchServer(folder / "source")
    filled: dict[str, Any] = json.loads(source.fill(PAIRS))
    pairs = [Pair.read(account) for account in filled["accounts"]]
    data = source.data_dir
    encryption.database(source, folder / "plain", report)
    vault.sealed_fields(data, folder / "fields", report)
    with ExitStack() as servers:

        def started(server: BenchServer) -> BenchServer:
            report.progress(f"starting {server.data_dir.parent.name}")
            return servers.enter_context(server)

        main = started(BenchServer(folder / "serve", filled=data))
        await measures.authentication(main, pairs, report)
        await measures.handoffs(main, pairs, report)
        # None of these has served anything yet.
        uvicorn = started(BenchServer(folder / "serve-again", filled=data))
        granian = started(BenchServer.granian(folder / "granian", filled=data))
        ways = {
            "uvicorn, bridge (as served)": uvicorn,
            "granian, bridge": granian,
            "uvicorn, Django's ASGI handler": started(
                BenchServer.uvicorn(folder / "asgi-handler", application="without_bridge", filled=data)
            ),
        }
        await measures.ways_into_django(ways, pairs, report)
        await measures.mix({"uvicorn": uvicorn, "granian": granian}, pairs, report)
        normal = started(BenchServer(folder / "normal", filled=data, env={"HVX_BENCH_SYNCHRONOUS": "NORMAL"}))
        await measures.logins(uvicorn, normal, filled["password"], filled["accounts"], pairs, report)
    await audit.logins(folder, report)
    await federation.federation(folder, report)


def main() -> None:
    report = Report()
    folder = Path(tempfile.mkdtemp(prefix="hvx-bench-"))
    # So that whoever ends the bench ends its servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    gc.disable()  # its pauses would be taken for the server's
    try:
        uvloop.run(measure(folder, report))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        report.print()


if __name__ == "__main__":
    main()

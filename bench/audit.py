"""What the audit costs logins that come at once. Alone: `python -m bench.audit`."""

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import uvloop

from bench import devices, figures
from bench.figures import Rate, Report
from bench.handoff import Pair
from bench.http_load import each_once, load
from bench.server import BenchServer

AT_ONCE = 32
ACCOUNTS = 64
ROUNDS = {"Argon2id": 4, "cheap": 16}
LOGINS_A_CONNECTION = {"Argon2id": 1, "cheap": 4}

# What the audit does in a server under measurement: see bench.apps.
AUDIT = {"as it is": "", "none": "off", "one chain for all": "one"}


class _Server:
    """A server with accounts of its own, and the requests by which their known devices log in."""

    def __init__(self, folder: Path, env: Mapping[str, str], *, cluster: bool) -> None:
        self.bench = BenchServer(folder, env=env, cluster=cluster)
        filled = json.loads(self.bench.fill(ACCOUNTS))
        self._password = filled["password"]
        self._turns = cycle([(Pair.read(account), account) for account in filled["accounts"]])

    async def round(self, logins: int) -> Rate:
        nonce = devices.nonce_of(self.bench)
        requests = [self._request(pair, account, nonce) for pair, account in islice(self._turns, logins)]
        return await load(self.bench, each_once(requests), connections=AT_ONCE)

    def _request(self, pair: Pair, account: dict[str, Any], nonce: str) -> bytes:
        body = {
            "login": account["username"],
            "password": self._password,
            "device": {"name": "old", "platform": "bench"},
        }
        [made] = devices.proven([pair.existing], f"{devices.API}/sessions", body, nonce)
        return made


async def logins(folder: Path, report: Report) -> None:
    """Thirty-two logins at once by known devices of as many accounts, with and without the audit."""
    databases = {"SQLCipher": False}
    if os.environ.get("HVX_TEST_POSTGRES_URL") and os.environ.get("HVX_TEST_REDIS_URL"):
        databases["PostgreSQL"] = True
    report.section(f"{AT_ONCE} logins at once, with and without the audit")
    for database, cluster in databases.items():
        for hashes in ROUNDS:
            # One chain for all is told apart only where the hash does not hide it.
            wanted = {name: how for name, how in AUDIT.items() if hashes == "cheap" or how != "one"}
            found = await _measured(folder, report, database, cluster, hashes, wanted)
            for name, rounds in found.items():
                share = "" if name == "none" else f", {figures.ratio(rounds, found['none']):.0%} of without"
                cpu = figures.cpu_microseconds(rounds) / 1000
                report.row(
                    f"{database}, {hashes} hashes, audit: {name}",
                    f"{figures.rate(rounds):,.1f} a second, {cpu:,.1f} ms CPU each{share}",
                )
    if len(databases) == 1:
        report.row("PostgreSQL", "not measured: HVX_TEST_POSTGRES_URL and HVX_TEST_REDIS_URL are not set")


async def _measured(
    folder: Path, report: Report, database: str, cluster: bool, hashes: str, wanted: Mapping[str, str]
) -> dict[str, list[Rate]]:
    report.progress(f"{AT_ONCE} logins at once on {database}, {hashes} hashes")
    rounds: dict[str, list[Rate]] = {name: [] for name in wanted}
    with ExitStack() as servers:
        started = {}
        for name, how in wanted.items():
            env = {"HVX_BENCH_AUDIT": how, "HVX_BENCH_HASHES": hashes}
            place = folder / f"audit-{database}-{hashes}-{how or 'on'}"
            started[name] = _Server(place, env, cluster=cluster)
            servers.enter_context(started[name].bench)
        for number in range(ROUNDS[hashes] + 1):
            for name, server in started.items():
                one = await server.round(AT_ONCE * LOGINS_A_CONNECTION[hashes])
                if number:  # the first round warms up
                    rounds[name].append(one)
    return rounds


def main() -> None:
    report = Report()
    with tempfile.TemporaryDirectory(prefix="hvx-bench-") as folder:
        uvloop.run(logins(Path(folder), report))
    report.print()


if __name__ == "__main__":
    main()

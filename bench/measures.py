"""What is measured: each function drives servers in short rounds, in turn, and reports medians."""

import asyncio
import time
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

from bench import devices, figures
from bench.conversations import converse
from bench.figures import Rate, Report
from bench.handoff import FRAMES_A_HANDOFF, Pair, handoff
from bench.http_load import each_once, for_seconds, load, request
from bench.server import ORIGIN, BenchServer
from bench.sockets import Socket

CONNECTIONS = 16
ROUND_SECONDS = 0.5
HTTP_ROUNDS = 12
HANDOFFS_AT_ONCE = 100
# A device may ask five times in ten minutes (PROTOCOL §4): of 500 pairs a server sees no more than
# 25 rounds of 100, the one to warm up included.
HANDOFF_ROUNDS = 24
MIX_ROUNDS = 24
MIX_REQUESTS = 300
LOGIN_ROUNDS = 5
LOGINS_A_ROUND = 24
LOGIN_CONNECTIONS = 4


def _token_headers(pair: Pair) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair.existing.token}"}


OPEN = request("GET", "/bench/open")


def _rate(rounds: Sequence[Rate], unit: str) -> str:
    return f"{figures.rate(rounds):,.0f} {unit}/s, {figures.cpu_microseconds(rounds):,.0f} µs CPU each"


def _close(pairs: Sequence[tuple[Socket, Socket]]) -> None:
    """Close what was open all the while; raises where the server closed one before."""
    for socket in (one for pair in pairs for one in pair):
        socket.check()
        socket.close()


async def authentication(server: BenchServer, pairs: Sequence[Pair], report: Report) -> None:
    """One view with and without authentication; neither reads a table."""
    report.progress("an authenticated call and the same view without authentication")
    with_token = request("GET", "/bench/token", _token_headers(pairs[0]))
    rounds: dict[str, list[Rate]] = {"open": [], "token": []}
    for text in (OPEN, with_token):
        await load(server, for_seconds(ROUND_SECONDS, text), connections=CONNECTIONS)
    for _ in range(HTTP_ROUNDS):
        for name, text in (("open", OPEN), ("token", with_token)):
            rounds[name].append(await load(server, for_seconds(ROUND_SECONDS, text), connections=CONNECTIONS))
    share = figures.ratio(rounds["token"], rounds["open"])
    report.section("An authenticated call that reads no table")
    report.row("without authentication", _rate(rounds["open"], "req"))
    report.row("with a full token", _rate(rounds["token"], "req"))
    report.row("ratio", f"{share:.0%}", wanted="≥ 70%", met=share >= 0.7)


class Exchanges:
    """A server's open sockets of the key exchange, and whose turn it is to hand over."""

    def __init__(self, pairs: Sequence[Pair], sockets: Sequence[tuple[Socket, Socket]]) -> None:
        self._next = cycle(zip(pairs, sockets, strict=True))

    async def round(self, server: BenchServer) -> tuple[Rate, list[float]]:
        """A hundred handoffs at once, by the pairs that have rested longest."""
        chosen = list(islice(self._next, HANDOFFS_AT_ONCE))
        scripts = [handoff(pair, origin=ORIGIN) for pair, _ in chosen]
        return await converse(server, [sockets for _, sockets in chosen], scripts, relayed=True)


async def handoffs(server: BenchServer, pairs: Sequence[Pair], report: Report) -> None:
    """A thousand open sockets, a hundred handoffs at once, against echoes in the same conversation."""
    report.progress(f"opening {2 * len(pairs)} sockets")
    sockets, seconds = await devices.open_all(server, pairs)
    exchanges = Exchanges(pairs, sockets)
    echo = await devices.open_echoes(server, "/bench/echo", HANDOFFS_AT_ONCE)
    lean = await devices.open_echoes(server, "/bench/lean-echo", HANDOFFS_AT_ONCE)
    report.progress(f"{HANDOFFS_AT_ONCE} handoffs at once, and the same frames over echoes")
    scripts = [handoff(pair, origin=ORIGIN) for pair in pairs[:HANDOFFS_AT_ONCE]]
    rounds: dict[str, list[Rate]] = {"relay": [], "echo": [], "lean": []}
    latencies: list[float] = []
    for number in range(HANDOFF_ROUNDS + 1):
        relayed, steps = await exchanges.round(server)
        echoed, _ = await converse(server, echo, scripts, relayed=False)
        leanly, _ = await converse(server, lean, scripts, relayed=False)
        if number:  # the first round warms up
            rounds["relay"].append(relayed)
            rounds["echo"].append(echoed)
            rounds["lean"].append(leanly)
            latencies += steps
    for opened in (sockets, echo, lean):
        _close(opened)
    share = figures.ratio(rounds["relay"], rounds["echo"])
    lean_share = figures.ratio(rounds["relay"], rounds["lean"])
    complete = len(latencies) == HANDOFF_ROUNDS * HANDOFFS_AT_ONCE * FRAMES_A_HANDOFF
    report.section(f"{2 * len(pairs):,} open sockets, {HANDOFFS_AT_ONCE} handoffs at once")
    report.row("sockets opened, with token and proof", f"{2 * len(pairs) / seconds:,.0f} a second")
    report.row(
        f"handoffs complete, of {HANDOFF_ROUNDS} rounds of {HANDOFFS_AT_ONCE}",
        f"{len(latencies) // FRAMES_A_HANDOFF:,}",
        wanted=f"{HANDOFF_ROUNDS * HANDOFFS_AT_ONCE:,}",
        met=complete,
    )
    for name, what in (
        ("relay", "frames relayed"),
        ("echo", "frames echoed by a bare consumer"),
        ("lean", "frames echoed by a lean one"),
    ):
        report.row(what, _rate(rounds[name], "frames"))
    report.row("relay : bare Channels echo", f"{share:.0%}", wanted="≥ 50%", met=share >= 0.5)
    report.row("relay : lean echo", f"{lean_share:.0%}")
    p50, p99 = (figures.percentile(latencies, share) * 1e3 for share in (0.5, 0.99))
    report.row("one relay step, p50 and p99", f"{p50:.1f} ms, {p99:.1f} ms")


async def ways_into_django(servers: dict[str, BenchServer], pairs: Sequence[Pair], report: Report) -> None:
    """An authenticated request without a body, by each of the ways; the first is the one that serves."""
    report.progress("ways of HTTP into Django")
    with_token = request("GET", "/bench/token", _token_headers(pairs[0]))
    rounds: dict[str, list[Rate]] = {name: [] for name in servers}
    for number in range(HTTP_ROUNDS + 1):
        for name, server in servers.items():
            one = await load(server, for_seconds(ROUND_SECONDS, with_token), connections=CONNECTIONS)
            if number:
                rounds[name].append(one)
    report.section("Ways of a request into Django")
    first = rounds[next(iter(servers))]
    for name, found in rounds.items():
        share = "" if found is first else f", {figures.ratio(found, first):.0%} of the first"
        report.row(name, f"{_rate(found, 'req')}{share}")


async def mix(servers: dict[str, BenchServer], pairs: Sequence[Pair], report: Report) -> None:
    """A hundred handoffs and some hundreds of requests, begun at once, until the last is done."""
    report.progress(f"the mix under {' and '.join(servers)}")
    opened = {name: (await devices.open_all(server, pairs))[0] for name, server in servers.items()}
    exchanges = {name: Exchanges(pairs, sockets) for name, sockets in opened.items()}
    with_token = request("GET", "/bench/token", _token_headers(pairs[0]))
    mixes: dict[str, list[Rate]] = {name: [] for name in servers}
    steps: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(MIX_ROUNDS + 1):
        for name, server in servers.items():
            cpu, began = server.cpu_seconds(), time.perf_counter()
            (_, latencies), _ = await asyncio.gather(
                exchanges[name].round(server),
                load(server, each_once([with_token] * MIX_REQUESTS), connections=CONNECTIONS),
            )
            elapsed = time.perf_counter() - began
            if number:
                mixes[name].append(Rate(1 / elapsed, server.cpu_seconds() - cpu))
                steps[name] += latencies
    for sockets in opened.values():
        _close(sockets)
    report.section(f"The mix: {HANDOFFS_AT_ONCE} handoffs, {MIX_REQUESTS} requests")
    for name, found in mixes.items():
        milliseconds, cpu_milliseconds = 1000 / figures.rate(found), figures.cpu_microseconds(found) / 1000
        p99 = figures.percentile(steps[name], 0.99) * 1e3
        report.row(name, f"{milliseconds:.0f} ms, {cpu_milliseconds:.0f} ms CPU, p99 of a step {p99:.0f} ms")
    one, other, *_ = mixes
    report.row(f"speed, {other} : {one}", f"{figures.ratio(mixes[other], mixes[one]):.0%}")
    report.row(
        f"CPU, {other} : {one}",
        f"{figures.cpu_microseconds(mixes[other]) / figures.cpu_microseconds(mixes[one]):.0%}",
    )


async def logins(
    full: BenchServer,
    normal: BenchServer,
    password: str,
    accounts: Sequence[dict[str, Any]],
    pairs: Sequence[Pair],
    report: Report,
) -> None:
    """Logins pay for Argon2id and refreshes do not; both write that the device was seen."""
    report.progress("logins and refreshes, PRAGMA synchronous FULL and NORMAL")
    path = f"{devices.API}/sessions"
    servers = {"FULL": full, "NORMAL": normal}
    login_rounds: dict[str, list[Rate]] = {name: [] for name in servers}
    refresh_rounds: dict[str, list[Rate]] = {name: [] for name in servers}
    asked = cycle(zip(pairs, accounts, strict=True))
    for _ in range(LOGIN_ROUNDS):
        chosen = list(islice(asked, LOGINS_A_ROUND))
        for name, server in servers.items():
            nonce = devices.nonce_of(server)
            requests = [
                one
                for pair, account in chosen
                for one in devices.proven(
                    [pair.existing],
                    path,
                    {
                        "login": account["username"],
                        "password": password,
                        "device": {"name": "old", "platform": "bench"},
                    },
                    nonce,
                )
            ]
            login_rounds[name].append(await load(server, each_once(requests), connections=LOGIN_CONNECTIONS))
            again = devices.proven(
                [pair.existing for pair in pairs], f"{path}/refresh", {}, devices.nonce_of(server)
            )
            refresh_rounds[name].append(await load(server, each_once(again), connections=LOGIN_CONNECTIONS))
    report.section("Logins (Argon2id) and refreshes")
    for what, found in (("logins", login_rounds), ("refreshes", refresh_rounds)):
        for name in servers:
            milliseconds = figures.cpu_microseconds(found[name]) / 1000
            report.row(
                f"{what}, synchronous={name}",
                f"{figures.rate(found[name]):,.1f} a second, {milliseconds:,.1f} ms CPU each",
            )
        report.row(f"{what}, FULL : NORMAL", f"{figures.ratio(found['FULL'], found['NORMAL']):.0%}")

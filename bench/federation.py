"""What federation costs: taking in, working through, delivering. Alone: `python -m bench.federation`."""

import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson
import uvloop
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from bench import figures
from bench.federation_inboxes import Inboxes
from bench.federation_peers import ACTIVITY, PERSON_URI, PUBLIC, Activities, Peer, peers
from bench.figures import Rate, Report
from bench.http_load import each_once, for_seconds, load, request
from bench.server import BenchServer

CONNECTIONS: Final = 16
HOSTS: Final = 100
FOLLOWERS: Final = 1000
SENDERS: Final = 50
NOTES: Final = {"few": 1_000, "many": 200_000}
ROUNDS: Final = 3
ACTIVITIES_A_ROUND: Final = 500
OPEN_SECONDS: Final = 0.5
PRIMITIVE_SECONDS: Final = 0.2
POLL_SECONDS: Final = 0.25
LONGEST_SECONDS: Final = 120.0
MIB: Final = 2**20
# What is wanted, in CPU seconds for a thousand, is said of a core that does so many of these a second.
VERIFIED_A_SECOND: Final = 50_000
SIGNED_A_SECOND: Final = 4_000

OPEN: Final = request("GET", "/bench/open")
_WAITING: Final = request("GET", "/bench/waiting")


@dataclass
class Rounds:
    """Of one server: Creates and Likes as they were accepted, and as they were done with; posts delivered."""

    creates: list[Rate] = field(default_factory=list)
    creates_done: list[Rate] = field(default_factory=list)
    likes: list[Rate] = field(default_factory=list)
    likes_done: list[Rate] = field(default_factory=list)
    delivered: list[Rate] = field(default_factory=list)
    memory: list[tuple[int, int]] = field(default_factory=list)


class _Server:
    """A server whose one local person has followers on many hosts, and what is measured of it."""

    def __init__(self, folder: Path, notes: int, followers: Sequence[Peer], inboxes: Inboxes) -> None:
        self.bench = BenchServer(folder, env={"HVX_FEDERATION_ALLOW_PRIVATE": "1"})
        self.rounds = Rounds()
        self._followers = followers
        self._inboxes = inboxes
        self._activities = Activities()
        known = json.dumps([follower.row() for follower in followers])
        self._token = self.bench.run_module("bench.federation_fill", str(notes), stdin=known).strip()

    async def round(self) -> None:
        creates = self._activities.creates(self._followers[:SENDERS], ACTIVITIES_A_ROUND)
        await self._take_in(creates, self.rounds.creates, self.rounds.creates_done)
        post = await self._publish()
        likes = self._activities.likes(self._followers, post)
        await self._take_in(likes, self.rounds.likes, self.rounds.likes_done)
        self.rounds.memory.append(self.bench.memory())

    async def _take_in(self, posts: Sequence[bytes], accepted: list[Rate], done: list[Rate]) -> None:
        cpu, began = self.bench.cpu_seconds(), time.monotonic()
        accepted.append(await load(self.bench, each_once(posts), connections=CONNECTIONS, wanted=b"202"))
        await self._nothing_waits()
        elapsed = time.monotonic() - began
        done.append(Rate(len(posts) / elapsed, (self.bench.cpu_seconds() - cpu) / len(posts)))

    async def _publish(self) -> str:
        """Publish a note, wait until every follower has it, and return its address."""
        before = self._inboxes.count().posts
        cpu, began = self.bench.cpu_seconds(), time.monotonic()
        location = await self._ask_outbox()
        while (counted := self._inboxes.count()).posts < before + len(self._followers):
            _require_soon(began)
            await asyncio.sleep(POLL_SECONDS)
        await self._nothing_waits()
        if counted.posts != before + len(self._followers):
            raise AssertionError("an inbox had the activity twice")
        cpu_each = (self.bench.cpu_seconds() - cpu) / len(self._followers)
        self.rounds.delivered.append(Rate(len(self._followers) / (counted.last - began), cpu_each))
        return location

    async def _ask_outbox(self) -> str:
        note = {
            "type": "Note",
            "content": "What is published is delivered to all who follow. " * 4,
            "to": [PUBLIC],
            "cc": [f"{PERSON_URI}/followers"],
        }
        body = orjson.dumps(note)
        head, text = await self._ask(
            request("POST", "/users/bench0/outbox", {"Authorization": f"Bearer {self._token}"}, body).replace(
                b"application/json", ACTIVITY.encode(), 1
            )
        )
        if not head.startswith(b"HTTP/1.1 201 "):
            raise AssertionError(f"the outbox answered {head.decode(errors='replace')}")
        published: str = orjson.loads(text)["object"]["id"]
        return published

    async def _nothing_waits(self) -> None:
        began = time.monotonic()
        while (await self._ask(_WAITING))[1] != b"0":
            _require_soon(began)
            await asyncio.sleep(POLL_SECONDS)

    async def _ask(self, text: bytes) -> tuple[bytes, bytes]:
        """Head and body of an answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.bench.port)
        try:
            writer.write(text.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            return head, body
        finally:
            writer.close()


def _require_soon(began: float) -> None:
    if time.monotonic() - began > LONGEST_SECONDS:
        raise AssertionError("something is left undone")


class _Primitives:
    """RSA of 2,048 bits and nothing around it, in one thread of this process."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._public = self._key.public_key()
        self._signature = self._key.sign(b"activity", PKCS1v15(), SHA256())
        self.verified: list[Rate] = []
        self.signed: list[Rate] = []

    def round(self) -> None:
        verify, sign = self._public.verify, self._key.sign
        self.verified.append(_repeated(lambda: verify(self._signature, b"activity", PKCS1v15(), SHA256())))
        self.signed.append(_repeated(lambda: sign(b"activity", PKCS1v15(), SHA256())))


def _repeated(call: Callable[[], object]) -> Rate:
    times, cpu, began = 0, time.thread_time(), time.perf_counter()
    while (elapsed := time.perf_counter() - began) < PRIMITIVE_SECONDS:
        call()
        times += 1
    return Rate(times / elapsed, (time.thread_time() - cpu) / times)


async def federation(folder: Path, report: Report) -> None:
    """Two servers that are alike but for the notes that they hold already take turns."""
    with ExitStack() as opened:
        inboxes = opened.enter_context(Inboxes(HOSTS))
        followers = peers(inboxes.ports, FOLLOWERS)
        servers = {}
        for name, notes in NOTES.items():
            report.progress(f"a server with {notes:,} notes and {FOLLOWERS:,} followers on {HOSTS} hosts")
            servers[name] = _Server(folder / f"federation-{name}", notes, followers, inboxes)
            opened.enter_context(servers[name].bench)
        report.progress("activities that come in, and a note for a thousand inboxes")
        primitives, views = _Primitives(), list[Rate]()
        for number in range(ROUNDS + 1):
            if number == 1:
                # What was first warmed up.
                for server in servers.values():
                    server.rounds = Rounds()
                primitives, views = _Primitives(), []
            primitives.round()
            for name, server in servers.items():
                if name == "few":
                    views.append(
                        await load(server.bench, for_seconds(OPEN_SECONDS, OPEN), connections=CONNECTIONS)
                    )
                await server.round()
    _tell(report, servers["few"].rounds, servers["many"].rounds, primitives, views)


def _tell(report: Report, few: Rounds, many: Rounds, primitives: _Primitives, views: Sequence[Rate]) -> None:
    report.section(f"Federation: signed activities, {CONNECTIONS} connections")
    accepted = _seconds(few.creates)
    report.row(
        "Create accepted (202)",
        _told(few.creates),
        wanted="≤ 0.9 CPU s a 1,000",
        met=accepted <= 0.9,
    )
    _tell_beside(report, "accepted : bare RSA verify", accepted, primitives.verified, 0.9, VERIFIED_A_SECOND)
    report.row("CPU, accepted : an empty view", f"{accepted / _seconds(views):.0%}")
    report.row("rate, accepted : an empty view", f"{figures.ratio(few.creates, views):.0%}")
    done = _seconds(few.creates_done)
    report.row("Create done with", _told(few.creates_done), wanted="≤ 5 CPU s a 1,000", met=done <= 5)
    _tell_beside(report, "done : bare RSA verify", done, primitives.verified, 5, VERIFIED_A_SECOND)
    report.row("Like accepted", _told(few.likes))
    report.row("Like done with", _told(few.likes_done))
    delivered = _seconds(few.delivered)
    report.row(
        f"a note to {FOLLOWERS:,} inboxes",
        _told(few.delivered),
        wanted="≤ 0.9 CPU s a 1,000",
        met=delivered <= 0.9,
    )
    _tell_beside(report, "delivered : bare RSA sign", delivered, primitives.signed, 0.9, SIGNED_A_SECOND)
    grown = _seconds(many.creates_done) / done
    report.row(
        f"CPU of a Create, {NOTES['many']:,} notes : {NOTES['few']:,}",
        f"{grown:.2f} times",
        wanted="no more",
        met=grown <= 1.1,
    )
    report.row("the same of a Like", f"{_seconds(many.likes_done) / _seconds(few.likes_done):.2f} times")
    report.row("the same of a delivery", f"{_seconds(many.delivered) / delivered:.2f} times")
    pss, rss = (max(each[place] for each in few.memory) / MIB for place in (0, 1))
    report.row(
        "memory of all processes under load",
        f"{pss:.0f} MiB (PSS), summed RSS {rss:.0f} MiB",
        wanted="≤ 250 MiB",
        met=pss <= 250,
    )


def _tell_beside(
    report: Report, what: str, seconds: float, primitive: Sequence[Rate], wanted: float, a_second: int
) -> None:
    """CPU seconds for a thousand beside the bare primitive's, which say how quick the core is."""
    bare, most = _seconds(primitive), wanted * a_second / 1000
    report.row(
        f"CPU, {what}",
        f"{seconds / bare:.1f} times {bare:.3f} CPU s",
        wanted=f"≤ {most:g} times",
        met=seconds / bare <= most,
    )


def _seconds(rounds: Sequence[Rate]) -> float:
    """CPU seconds for a thousand."""
    return figures.median(one.cpu_each for one in rounds) * 1000


def _told(rounds: Sequence[Rate]) -> str:
    return f"{figures.rate(rounds):,.0f} a second, {_seconds(rounds):.2f} CPU s a 1,000"


def main() -> None:
    report = Report()
    # So that whoever ends the bench ends its servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="hvx-bench-") as folder:
        uvloop.run(federation(Path(folder), report))
    report.print()


if __name__ == "__main__":
    main()

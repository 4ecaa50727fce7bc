"""Many conversations of two sockets at once: by the relay of the key exchange, or over echoes.

A conversation is a handoff's turns in their order. In a relay the frame that one socket sends must
come in at the other; over an echo it must come back to the same one. All else is alike: frames,
their order, how many are in flight, the client.
"""

import asyncio
import time
from collections.abc import Sequence

from bench.figures import Rate
from bench.handoff import Turn
from bench.server import BenchServer
from bench.sockets import Socket, text_frame

LONGEST_SECONDS = 60.0


class _Conversation:
    def __init__(self, sockets: tuple[Socket, Socket], turns: Sequence[Turn], *, relayed: bool) -> None:
        self.sockets = sockets
        self.relayed = relayed
        # Encoded beforehand: while the clock runs the client only writes and compares.
        self.turns = [
            (speaker, b"".join(map(text_frame, frames)), [frame.encode() for frame in frames])
            for speaker, frames in turns
        ]
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.awaited: list[bytes] = []
        self.latencies: list[float] = []
        for socket in sockets:
            socket.on_text = self.nobody
            socket.on_failure = self.failed
        self.at = 0

    def speak(self) -> None:
        if self.at == len(self.turns):
            self.over.set_result(None)
            return
        speaker, written, awaited = self.turns[self.at]
        self.at += 1
        self.awaited = awaited
        self.sockets[1 - speaker if self.relayed else speaker].on_text = self.heard
        self.sockets[speaker if self.relayed else 1 - speaker].on_text = self.nobody
        self.sent_at = time.perf_counter()
        self.sockets[speaker].transport.write(written)

    def heard(self, text: bytes) -> None:
        # A relayed frame stands in the server's own as it was sent, byte for byte.
        if not self.awaited or self.awaited[0] not in text:
            self.nobody(text)
            return
        self.latencies.append(time.perf_counter() - self.sent_at)
        self.awaited = self.awaited[1:]
        if not self.awaited:
            self.speak()

    def nobody(self, text: bytes) -> None:
        if not self.over.done():
            self.over.set_exception(AssertionError(f"a frame that nobody expected: {text[:200]!r}"))

    def failed(self) -> None:
        if not self.over.done():
            self.over.set_exception(next(socket.failure for socket in self.sockets if socket.failure))


async def converse(
    server: BenchServer,
    pairs: Sequence[tuple[Socket, Socket]],
    scripts: Sequence[Sequence[Turn]],
    *,
    relayed: bool,
) -> tuple[Rate, list[float]]:
    """Begin all conversations at once and wait for the last to end.

    Gives frames a second, each counted once, and the seconds from every frame's sending to its
    coming in.
    """
    conversations = [
        _Conversation(sockets, turns, relayed=relayed) for sockets, turns in zip(pairs, scripts, strict=True)
    ]
    cpu, began = server.cpu_seconds(), time.perf_counter()
    for conversation in conversations:
        conversation.speak()
    async with asyncio.timeout(LONGEST_SECONDS):
        await asyncio.gather(*(conversation.over for conversation in conversations))
    elapsed, used = time.perf_counter() - began, server.cpu_seconds() - cpu
    latencies = [latency for conversation in conversations for latency in conversation.latencies]
    return Rate(len(latencies) / elapsed, used / len(latencies)), latencies

"""Bytes in, blocks out: the very blocks that `ipfs add --cid-version=1` makes (PROTOCOL §5).

Chunks of 256 KiB are raw leaves; above them nodes of at most 174 links, all leaves at the same depth. A file
of one chunk is its leaf. Held meanwhile: less than a chunk, and less than 175 parts a level.
"""

from collections.abc import Iterator
from typing import Final

from storage.protocol.cids import RAW, Block, Cid
from storage.protocol.unixfs import Part, parent

CHUNK_BYTES: Final = 256 * 1024
MAX_LINKS: Final = 174


class FileBuilder:
    """Makes one file's blocks: `write` as often as there are bytes, then `finish`."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._levels: list[list[Part]] = [[]]
        self._any = False

    def write(self, data: bytes | memoryview) -> Iterator[Block]:
        """Yield the blocks that are complete now. Nothing is done before they are asked for."""
        self._held += data
        while len(self._held) >= CHUNK_BYTES:
            chunk = bytes(memoryview(self._held)[:CHUNK_BYTES])
            del self._held[:CHUNK_BYTES]
            yield from self._leaf(chunk)

    def finish(self) -> Iterator[Block]:
        """Yield what is left, the root last. Nothing can be written after it."""
        if self._held or not self._any:
            yield from self._leaf(bytes(self._held))
            self._held.clear()
        level = 0
        while level < len(self._levels) - 1 or len(self._levels[level]) > 1:
            yield from self._close(level)
            level += 1

    @property
    def root(self) -> Part:
        """The whole file as one part, once `finish` has ended."""
        [root] = self._levels[-1]
        return root

    def _leaf(self, chunk: bytes) -> Iterator[Block]:
        self._any = True
        block = Block(Cid.of(RAW, chunk), chunk)
        yield block
        yield from self._add(0, Part(block.cid, len(chunk), len(chunk)))

    def _add(self, level: int, part: Part) -> Iterator[Block]:
        # A full level is closed by what comes after it: where nothing comes, it is the root's own.
        if len(self._levels[level]) == MAX_LINKS:
            yield from self._close(level)
        self._levels[level].append(part)

    def _close(self, level: int) -> Iterator[Block]:
        """Put a node above what a level holds."""
        parts = tuple(self._levels[level])
        block = parent(parts)
        yield block
        if level + 1 == len(self._levels):
            self._levels.append([])
        self._levels[level].clear()
        stored = len(block.data) + sum(part.stored for part in parts)
        yield from self._add(level + 1, Part(block.cid, sum(part.length for part in parts), stored))

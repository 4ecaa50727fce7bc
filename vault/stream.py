"""Sealing what is too long for one envelope: a file or a back-up, in constant memory.

    "hvx-stream/1" ‖ file id(16) ‖ wrapped file key(77) ‖ chunk, chunk, …

The file key is random, and wrapped by an envelope under the key that the caller names. Each chunk is an
envelope of 64 KiB, the last of 64 KiB or less, under the file key, bound to its place in the file and to
whether it is the last. That is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): chunks
left out, doubled, reordered, taken from another file or added do not open, and a file cut short has no
last chunk. What was read before such an error is genuine, and it is not the whole.
"""

import os
from collections.abc import Callable, Iterator
from typing import Protocol

from audit.protocol.encoding import lp
from vault.envelope import KEY_ID, KEY_ID_LENGTH, KEY_LENGTH, OVERHEAD, EnvelopeKey
from vault.errors import CannotOpen

MAGIC = b"hvx-stream/1"
CHUNK = 64 * 1024

_WRAPPED_LENGTH = OVERHEAD + KEY_LENGTH
_SEALED_CHUNK = OVERHEAD + CHUNK


class Sink(Protocol):
    """Where sealed bytes go: takes all that it is given."""

    def write(self, data: bytes, /) -> object: ...


class Source(Protocol):
    """Where sealed bytes come from: at most `size` of them, none at the end."""

    def read(self, size: int, /) -> bytes | None: ...


class SealedWriter:
    """Seals what is written to it. Without `finish` the file has no end, and so does not open.

    `context` (made by `lp`) must be given again to open the file: its kind, and what stands before it.
    """

    def __init__(self, sink: Sink, wrapping: EnvelopeKey, context: bytes) -> None:
        file_id = os.urandom(KEY_ID_LENGTH)
        material = os.urandom(KEY_LENGTH)
        self._sink = sink
        self._key = EnvelopeKey(file_id, material)
        self._index = 0
        self._held = bytearray()
        wrapped = wrapping.seal(_key_context(file_id, context), material)
        sink.write(MAGIC + file_id + wrapped)

    def write(self, data: bytes) -> None:
        """Take any number of bytes."""
        self._held += data
        # A full chunk is kept back until more comes: the last one is sealed as the last.
        while len(self._held) > CHUNK:
            self._seal(bytes(self._held[:CHUNK]), last=False)
            del self._held[:CHUNK]

    def finish(self) -> None:
        """Seal the last chunk. Nothing can be written after it."""
        self._seal(bytes(self._held), last=True)
        self._held.clear()

    def _seal(self, plaintext: bytes, *, last: bool) -> None:
        self._sink.write(self._key.seal(_chunk_context(self._index, last=last), plaintext))
        self._index += 1


def opened(source: Source, wrapping: Callable[[bytes], EnvelopeKey], context: bytes) -> Iterator[bytes]:
    """Yield what was written, chunk by chunk; raise CannotOpen where the file is not what was sealed.

    `wrapping` gets the wrapped key's envelope and returns the key that it names. Only when the iterator
    has ended by itself was the file whole: whoever has acted on a part must then undo it.
    """
    header = _exactly(source, len(MAGIC) + KEY_ID_LENGTH + _WRAPPED_LENGTH)
    file_id = header[len(MAGIC) : len(MAGIC) + KEY_ID_LENGTH]
    wrapped = header[len(MAGIC) + KEY_ID_LENGTH :]
    if not header.startswith(MAGIC) or len(wrapped) != _WRAPPED_LENGTH:
        raise CannotOpen("this is no sealed file, or its beginning is damaged")
    key = EnvelopeKey(file_id, wrapping(wrapped).open(_key_context(file_id, context), wrapped))
    index = 0
    chunk = _exactly(source, _SEALED_CHUNK)
    while True:
        following = _exactly(source, _SEALED_CHUNK)
        try:
            plaintext = key.open(_chunk_context(index, last=not following), chunk)
        except CannotOpen:
            raise CannotOpen("the sealed file is damaged, cut short, or put together from others") from None
        yield plaintext
        if not following:
            return
        chunk = following
        index += 1


def named_key(wrapped: bytes) -> bytes:
    """Return the id of the key that a wrapped file key names."""
    return wrapped[KEY_ID]


def _key_context(file_id: bytes, context: bytes) -> bytes:
    return lp(MAGIC, "key", file_id, context)


def _chunk_context(index: int, *, last: bool) -> bytes:
    return lp(MAGIC, "chunk", index.to_bytes(8, "big"), b"\1" if last else b"\0")


def _exactly(source: Source, length: int) -> bytes:
    """Return `length` bytes, or fewer at the end alone: pipes give what they have."""
    parts = []
    while length > 0:
        part = source.read(length)
        if not part:
            break
        parts.append(part)
        length -= len(part)
    return b"".join(parts)

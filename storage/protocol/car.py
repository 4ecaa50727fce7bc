"""CAR, version 1: blocks one after the other in a file (ipld.io/specs/transport/car/carv1/).

    varint, header | varint, CID, bytes | varint, CID, bytes | …

The header is DAG-CBOR of one shape, `{"roots": [CID, …], "version": 1}`, in canonical form. Each block is
held against its CID as it is read. Whether the blocks below the roots are all there, this does not tell.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from storage.protocol import varints
from storage.protocol.cids import BadCid, Block, Cid
from storage.protocol.dag_pb import MAX_BLOCK_BYTES

MAX_ROOTS: Final = 10_000
_MAX_CID_BYTES: Final = 36
_ROOTS: Final = b"\xa2\x65roots"
_VERSION: Final = b"\x67version\x01"
# Tag 42 is a CID: bytes that begin with the multibase sign of none (ipld.io/specs/codecs/dag-cbor/spec/).
_TAG_CID: Final = b"\xd8\x2a"
_MAX_HEADER_BYTES: Final = len(_ROOTS) + 3 + MAX_ROOTS * (len(_TAG_CID) + 3 + _MAX_CID_BYTES) + len(_VERSION)


class BadCar(ValueError):
    """What was given is no CAR of version 1, holds too much, or holds a block that is not its CID's."""


class Source(Protocol):
    """Where the bytes come from: at most `size` of them, none at the end."""

    def read(self, size: int, /) -> bytes | None: ...


def write(roots: Sequence[Cid], blocks: Iterable[Block]) -> Iterator[bytes]:
    """Yield the file, a block at a time. Raises ValueError for more than MAX_ROOTS roots, or none."""
    header = _ROOTS + _head(0x80, len(roots)) + b"".join(map(_encoded_root, roots)) + _VERSION
    if not 0 < len(roots) <= MAX_ROOTS:
        raise ValueError(f"a CAR has 1 to {MAX_ROOTS} roots here")
    yield varints.encode(len(header)) + header
    for block in blocks:
        cid = bytes(block.cid)
        yield varints.encode(len(cid) + len(block.data)) + cid + block.data


class CarReader:
    """Reads a CAR: the roots at once, the blocks as they are asked for. Holds one block at a time."""

    def __init__(self, source: Source) -> None:
        """Raises BadCar."""
        self._source = source
        header = self._section(_MAX_HEADER_BYTES)
        if header is None:
            raise BadCar("the file is empty")
        self.roots: Final = _decoded_roots(header)

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks, each checked. Raises BadCar; what was given before is genuine."""
        while (section := self._section(_MAX_CID_BYTES + MAX_BLOCK_BYTES)) is not None:
            try:
                cid, end = Cid.first_of(section[:_MAX_CID_BYTES])
            except BadCid as error:
                raise BadCar(f"a block has no CID of a file's: {error}") from None
            block = Block(cid, section[end:])
            if len(block.data) > MAX_BLOCK_BYTES:
                raise BadCar("a block is too large")
            if not cid.names(block.data):
                raise BadCar("a block is not what its CID names")
            yield block

    def _section(self, most: int) -> bytes | None:
        """Return what comes next, or None at the end of the file."""
        head = b""
        while not head or head[-1] >= 0x80:
            octet = self._exactly(1)
            if not octet and not head:
                return None
            if not octet or len(head) == varints.MAX_BYTES:
                raise BadCar("a length has no end")
            head += octet
        try:
            size, _ = varints.decode(head)
        except varints.BadVarint as error:
            raise BadCar(str(error)) from None
        if not 0 < size <= most:
            raise BadCar("a section is empty or too long")
        section = self._exactly(size)
        if len(section) < size:
            raise BadCar("the file is cut short")
        return section

    def _exactly(self, size: int) -> bytes:
        """Return `size` bytes, or fewer at the end alone: pipes give what they have."""
        parts = []
        while size > 0:
            part = self._source.read(size)
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _head(kind: int, number: int) -> bytes:
    """The head of a CBOR item in its shortest form (RFC 8949 §3), for numbers below 65,536."""
    if number < 24:
        return bytes([kind | number])
    if number < 256:
        return bytes([kind | 24, number])
    return bytes([kind | 25]) + number.to_bytes(2, "big")


def _encoded_root(cid: Cid) -> bytes:
    encoded = b"\0" + bytes(cid)
    return _TAG_CID + _head(0x40, len(encoded)) + encoded


def _decoded_roots(header: bytes) -> tuple[Cid, ...]:
    if not header.startswith(_ROOTS) or not header.endswith(_VERSION):
        raise BadCar("this is no CAR of version 1 with roots")
    items = header[len(_ROOTS) : -len(_VERSION)]
    count, position = _count(items)
    roots = []
    while position < len(items):
        # Tag, the bytes' head of two, and the sign of no base.
        start = position + len(_TAG_CID) + 3
        try:
            root, _ = Cid.first_of(items[start : start + _MAX_CID_BYTES])
        except BadCid as error:
            raise BadCar(f"a root is no file's: {error}") from None
        # What would be written for it must be what stands there: no other form is canonical.
        encoded = _encoded_root(root)
        if not items.startswith(encoded, position):
            raise BadCar("a root is not written as CAR has it")
        roots.append(root)
        position += len(encoded)
    if len(roots) != count or not 0 < count <= MAX_ROOTS:
        raise BadCar("the roots are not as many as the header says, or none, or too many")
    return tuple(roots)


def _count(items: bytes) -> tuple[int, int]:
    """Return how many items an array says it has, and where they begin."""
    for size in (1, 2, 3):
        number = items[0] & 0x1F if size == 1 and items else int.from_bytes(items[1:size], "big")
        if items[:size] == _head(0x80, number):
            return number, size
    raise BadCar("the header has no roots")

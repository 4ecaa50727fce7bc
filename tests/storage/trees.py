"""Files as blocks in a dictionary: as the server makes them, as other programs do, and as nobody should."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from storage.protocol import dag_pb
from storage.protocol.building import CHUNK_BYTES, MAX_LINKS, FileBuilder
from storage.protocol.cids import DAG_PB, RAW, Cid
from storage.protocol.dag_pb import Link
from storage.protocol.unixfs import FILE_TYPE, Part


@dataclass
class Blocks:
    """Blocks by their CID, of version 1 as of version 0. Counts which are asked for."""

    held: dict[Cid, bytes] = field(default_factory=dict)
    asked: list[Cid] = field(default_factory=list)

    def put(self, codec: int, data: bytes) -> Cid:
        cid = Cid.of(codec, data)
        self.held[cid] = data
        return cid

    def get(self, cid: Cid) -> bytes:
        self.asked.append(cid)
        return self.held[cid.as_v1()]


def built(data: bytes, *, step: int = 65_536) -> tuple[Part, Blocks]:
    """A file as the server makes it, written in pieces of `step` bytes."""
    builder, blocks = FileBuilder(), Blocks()
    for start in range(0, len(data), step):
        for block in builder.write(data[start : start + step]):
            blocks.held[block.cid] = block.data
    for block in builder.finish():
        blocks.held[block.cid] = block.data
    return builder.root, blocks


def message(
    *,
    kind: int = FILE_TYPE,
    data: bytes | None = None,
    size: int | None = 0,
    lengths: Sequence[int] = (),
    after: bytes = b"",
) -> bytes:
    """A UnixFS message with what is given, true or not."""
    encoded = dag_pb.number_field(1, kind)
    if data is not None:
        encoded += bytes_field(2, data)
    if size is not None:
        encoded += dag_pb.number_field(3, size)
    return encoded + b"".join(dag_pb.number_field(4, length) for length in lengths) + after


def bytes_field(number: int, value: bytes) -> bytes:
    # A node with nothing but data is one such field, and field 1.
    encoded = dag_pb.encode((), value)
    return bytes([number << 3 | 2]) + encoded[1:]


def other_program(
    data: bytes, *, version: int = 1, leaves_in_nodes: bool = True, reduced: bool = True
) -> tuple[Cid, Blocks]:
    """A file as other profiles have it: leaves in dag-pb nodes, version 0, or a node above a single leaf."""
    blocks = Blocks()

    def put(links: Sequence[Part], own: bytes | None) -> Part:
        length = len(own or b"") + sum(link.length for link in links)
        lengths = [link.length for link in links]
        node = dag_pb.encode(
            (Link(link.cid, link.stored) for link in links),
            message(data=own or None, size=length, lengths=lengths),
        )
        cid = blocks.put(DAG_PB, node)
        named = Cid(DAG_PB, cid.digest, version)
        return Part(named, length, len(node) + sum(link.stored for link in links))

    def leaf(chunk: bytes) -> Part:
        if leaves_in_nodes:
            return put((), chunk)
        return Part(blocks.put(RAW, chunk), len(chunk), len(chunk))

    level = [leaf(data[start : start + CHUNK_BYTES]) for start in range(0, max(1, len(data)), CHUNK_BYTES)]
    while len(level) > 1 or not reduced:
        level = [put(level[start : start + MAX_LINKS], None) for start in range(0, len(level), MAX_LINKS)]
        reduced = True
    return level[0].cid, blocks

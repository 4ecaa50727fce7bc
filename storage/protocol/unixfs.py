"""What a dag-pb node says of a file: the UnixFS message in its data (github.com/ipfs/specs, UNIXFS.md).

    Data { 1: type    2: bytes of its own    3: file size    4: size of each child's part, once a link }

Only files are known here. Folders, links and sharded folders are refused: they carry names. Modes and times
are refused too, for they tell of a file what the server shall not know.
"""

from dataclasses import dataclass
from typing import Final

from storage.protocol import dag_pb, varints
from storage.protocol.cids import DAG_PB, RAW, Block, Cid
from storage.protocol.dag_pb import BadBlock, Link

_RAW_TYPE: Final = 0
FILE_TYPE: Final = 2
# Kubo makes 174, or 1,024 in its newer profiles.
MAX_PARTS: Final = 8192
_TYPE, _DATA, _SIZE, _PARTS = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Part:
    """A child as its parent knows it: `length` bytes of the file, `stored` bytes with all blocks below."""

    cid: Cid
    length: int
    stored: int


@dataclass(frozen=True, slots=True)
class FileNode:
    """One block of a file: bytes of its own, then those of its parts.

    `length` is of the file, from here down; `stored` of all blocks, from this one down.
    """

    data: bytes
    parts: tuple[Part, ...]
    length: int
    stored: int


def parent(parts: tuple[Part, ...]) -> Block:
    """Return the node above these parts, as Kubo writes it."""
    message = dag_pb.number_field(_TYPE, FILE_TYPE)
    message += dag_pb.number_field(_SIZE, sum(part.length for part in parts))
    message += b"".join(dag_pb.number_field(_PARTS, part.length) for part in parts)
    data = dag_pb.encode((Link(part.cid, part.stored) for part in parts), message)
    return Block(Cid.of(DAG_PB, data), data)


def file_node(block: Block) -> FileNode:
    """Read one block of a file, whose bytes are known to be the CID's. Raises BadBlock."""
    if len(block.data) > dag_pb.MAX_BLOCK_BYTES:
        raise BadBlock("the block is too large")
    if block.cid.codec == RAW:
        return FileNode(block.data, (), len(block.data), len(block.data))
    node = dag_pb.decode(block.data)
    if node.data is None:
        raise BadBlock("the node is no file's")
    own, size, lengths = _message(node.data)
    if len(lengths) != len(node.links):
        raise BadBlock("the node does not tell the size of each part")
    if len(lengths) > MAX_PARTS:
        raise BadBlock("the node has too many parts")
    if any(link.name for link in node.links):
        raise BadBlock("the parts of a file have no names")
    if 0 in lengths:
        # A tree of nothing could be read for ever without giving a byte.
        raise BadBlock("a part of the file is empty")
    if size != len(own) + sum(lengths):
        raise BadBlock("the node's size is not that of its parts")
    return FileNode(
        own,
        tuple(Part(link.cid, length, link.size) for link, length in zip(node.links, lengths, strict=True)),
        size,
        len(block.data) + sum(link.size for link in node.links),
    )


def _message(message: bytes) -> tuple[bytes, int, list[int]]:
    """Return a file's own bytes, its size, and its parts' lengths."""
    single: dict[int, int | bytes] = {}
    lengths: list[int] = []
    last = 0
    try:
        for number, value in dag_pb.fields(message):
            if number < last or (number == last and number != _PARTS):
                raise BadBlock("a file's fields are out of order, or there twice")
            last = number
            if number == _PARTS and isinstance(value, int):
                lengths.append(value)
            else:
                single[number] = value
    except varints.BadVarint as error:
        raise BadBlock(f"the node is no file's: {error}") from None
    kind, own, size = single.pop(_TYPE, None), single.pop(_DATA, b""), single.pop(_SIZE, None)
    if single or kind not in (_RAW_TYPE, FILE_TYPE) or not isinstance(own, bytes):
        raise BadBlock("the node is no plain file's")
    if not isinstance(size, int):
        raise BadBlock("the node does not tell its size")
    return own, size, lengths

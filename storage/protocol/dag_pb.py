"""Nodes with links, as Protocol Buffers in one form only (ipld.io/specs/codecs/dag-pb/spec/).

    PBNode  { 2: links, each a PBLink   1: data }      in this order
    PBLink  { 1: CID    2: name    3: size of all below it }

What decodes here encodes to the very same bytes, so that nothing can hide in a node.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from storage.protocol import varints
from storage.protocol.cids import BadCid, Cid

# What Bitswap carries, and so what any node on IPFS may be asked for.
MAX_BLOCK_BYTES: Final = 2 * 1024 * 1024

_VARINT, _BYTES = 0, 2


class BadBlock(ValueError):
    """A block that is no dag-pb node in canonical form, or too large."""


@dataclass(frozen=True, slots=True)
class Link:
    """`size` is what the block and all below it take together, in bytes; each as often as it is linked."""

    cid: Cid
    size: int
    name: str | None = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A node. Without data it has none, which is not the same as data of no length."""

    links: tuple[Link, ...]
    data: bytes | None


def encode(links: Iterable[Link], data: bytes | None) -> bytes:
    """Return the block of a node."""
    encoded = bytearray()
    for link in links:
        encoded += _bytes_field(2, _encoded_link(link))
    if data is not None:
        encoded += _bytes_field(1, data)
    return bytes(encoded)


def decode(block: bytes) -> Node:
    """Read a node. Raises BadBlock."""
    if len(block) > MAX_BLOCK_BYTES:
        raise BadBlock("the block is too large")
    links: list[Link] = []
    data: bytes | None = None
    try:
        for number, value in fields(block):
            if data is not None:
                raise BadBlock("something follows the node's data")
            if number == 2 and isinstance(value, bytes):
                links.append(_decoded_link(value))
            elif number == 1 and isinstance(value, bytes):
                data = value
            else:
                raise BadBlock("a node has a field that it cannot have")
    except (BadCid, varints.BadVarint, UnicodeDecodeError) as error:
        raise BadBlock(f"the block is no node: {error}") from None
    return Node(tuple(links), data)


def fields(message: bytes) -> Iterable[tuple[int, int | bytes]]:
    """Yield a Protocol Buffers message's fields as number and value. Raises BadBlock, BadVarint.

    Of the wire types there are numbers and bytes: dag-pb and UnixFS use no others.
    """
    position = 0
    while position < len(message):
        key, position = varints.decode(message, position)
        number, kind = key >> 3, key & 7
        value, position = varints.decode(message, position)
        if kind == _VARINT:
            yield number, value
        elif kind == _BYTES:
            if value > len(message) - position:
                raise BadBlock("a field is longer than what it stands in")
            yield number, message[position : position + value]
            position += value
        else:
            raise BadBlock("a field has a type that it cannot have")


def number_field(number: int, value: int) -> bytes:
    """Return one field that holds a number."""
    return varints.encode(number << 3 | _VARINT) + varints.encode(value)


def _bytes_field(number: int, value: bytes) -> bytes:
    return varints.encode(number << 3 | _BYTES) + varints.encode(len(value)) + value


def _encoded_link(link: Link) -> bytes:
    name = b"" if link.name is None else _bytes_field(2, link.name.encode())
    return _bytes_field(1, bytes(link.cid)) + name + number_field(3, link.size)


def _decoded_link(message: bytes) -> Link:
    found: dict[int, int | bytes] = {}
    for number, value in fields(message):
        if found and number <= max(found):
            raise BadBlock("a link's fields are out of order, or there twice")
        found[number] = value
    cid, name, size = found.pop(1, None), found.pop(2, None), found.pop(3, None)
    if found or not isinstance(cid, bytes) or not isinstance(size, int) or isinstance(name, int):
        raise BadBlock("a link has not the fields of a link")
    return Link(Cid.from_bytes(cid), size, None if name is None else name.decode())

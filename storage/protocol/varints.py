"""Unsigned varints: seven bits a byte, the lowest first, the last byte below 0x80.

Multiformats and Protocol Buffers write numbers so. A number has one form here: the shortest, of nine bytes
at most (github.com/multiformats/unsigned-varint).
"""

MAX_BYTES = 9


class BadVarint(ValueError):
    """No number, or one in a longer form than it needs."""


def encode(number: int) -> bytes:
    """Return the shortest form of a number from 0 to 2⁶³ - 1. Raises ValueError for any other."""
    if not 0 <= number < 1 << 7 * MAX_BYTES:
        raise ValueError("a varint holds 0 to 2⁶³ - 1")
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def decode(data: bytes | bytearray, start: int = 0) -> tuple[int, int]:
    """Return the number that begins at `start`, and where it ends. Raises BadVarint."""
    number = 0
    for index, octet in enumerate(data[start : start + MAX_BYTES]):
        number |= (octet & 0x7F) << 7 * index
        if octet < 0x80:
            if octet == 0 and index:
                raise BadVarint("a number is written longer than it needs")
            return number, start + index + 1
    raise BadVarint("a number has no end")

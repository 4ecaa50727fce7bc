"""LP, which everything sealed, signed or hashed is built from (PROTOCOL §1)."""


def lp(*parts: bytes | str) -> bytes:
    """`LP(a, b, …)`: for each part its length as four bytes big-endian, then it; text as UTF-8.

    No two lists of parts give the same bytes, so parts cannot slide into each other.
    """
    raw = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join([len(part).to_bytes(4, "big") + part for part in raw])

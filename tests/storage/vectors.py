"""The vectors of CIDs: files by how their bytes are made, and the CIDs that several programs give them."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any


def cases() -> list[Any]:
    """Each vector as a parameter; none where the vectors are not on this machine."""
    folder = os.environ.get("HVX_VECTORS")
    return json.loads((Path(folder) / "cid" / "unixfs.json").read_text())["cases"] if folder else []


def name(case: Any) -> str:
    return f"{case.get('generator', case.get('text'))}-{case['size']}"


def content(case: Any) -> bytes:
    """The bytes of a case."""
    if "text" in case:
        return str(case["text"]).encode()
    return _made(case["generator"], case["size"])


@cache
def _made(generator: str, size: int) -> bytes:
    if generator == "zeros":
        return bytes(size)
    if generator == "mod251":
        return (bytes(range(251)) * (size // 251 + 1))[:size]
    assert generator == "lcg"
    made, state = bytearray(), 1
    for _ in range(size):
        state = (1103515245 * state + 12345) % 2**31
        made.append(state >> 16 & 0xFF)
    return bytes(made)

"""Searching files and bytes for planted secrets, raw and in every base64 that could hold them."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

Needles = Mapping[str, bytes]


def spellings(secret: bytes) -> Iterator[bytes]:
    """The secret itself, in hex, and what base64 of any text around it must contain."""
    yield secret
    yield secret.hex().encode()
    for lead in range(3):
        encoded = base64.b64encode(b"\x00" * lead + secret)
        # The first and the last group mix with what stands beside the secret.
        inner = encoded[4 if lead else 0 : -4]
        if len(inner) >= 12:
            yield inner
            yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def armored_body(block: str) -> bytes:
    """The base64 of an armored block as it stands in it, without headers and checksum."""
    lines = block.strip().splitlines()
    body = lines[lines.index("") + 1 : -1]
    return "\n".join(line for line in body if not line.startswith("=")).encode()


def dearmored(block: str) -> bytes:
    """The bytes of an armored block."""
    return base64.b64decode(armored_body(block))


def found_in(content: bytes, needles: Needles) -> set[str]:
    """The names of the secrets that `content` holds in any spelling."""
    return {
        name for name, secret in needles.items() if any(spelling in content for spelling in spellings(secret))
    }


def found_in_files(folders: Iterable[Path], needles: Needles) -> dict[str, set[str]]:
    """As found_in, for every file below the folders (or the files named), by path."""
    found: dict[str, set[str]] = {}
    for folder in folders:
        for path in [folder] if folder.is_file() else sorted(folder.rglob("*")):
            if path.is_file() and (names := found_in(path.read_bytes(), needles)):
                found[str(path)] = names
    return found

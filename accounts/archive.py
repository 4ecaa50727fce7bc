"""The archive of an export: a ZIP of JSON files and a README that says what they are."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from accounts.ports import Part
from devices.protocol.encoding import b64url

README = "README.txt"


def write(parts: Iterable[Part], *, title: str, after: str, at: datetime) -> bytes:
    """The ZIP file. Rows are written one by one, so that memory holds them compressed only.

    The README begins with `title`, lists the parts, and ends with `after`. `at` is the time of the
    snapshot. Never in a file of the server's: what is in here lies sealed where it came from.
    """
    held = io.BytesIO()
    listed = []
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts:
            name = f"{part.name}.json"
            with archive.open(_entry(name, at), "w", force_zip64=True) as file:
                for piece in _pieces(part.content):
                    file.write(piece)
            listed.append(f"{name}\n    {part.about}\n")
        text = "\n".join([title, *listed, after])
        archive.writestr(_entry(README, at), text)
    return held.getvalue()


def _entry(name: str, at: datetime) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, at.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def _pieces(content: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> Iterable[bytes]:
    if isinstance(content, Mapping):
        yield _json(content) + b"\n"
        return
    between = b"[\n"
    for row in content:
        yield between + _json(row)
        between = b",\n"
    yield b"[]\n" if between == b"[\n" else b"\n]\n"


def _json(row: Mapping[str, Any]) -> bytes:
    plain = {name: _plain(value) for name, value in row.items()}
    return orjson.dumps(plain, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return b64url(bytes(value))
    return str(value) if isinstance(value, UUID) else value

"""A back-up's content: lines of JSON, each of them a row, a piece of a part, or a word about what follows.

    {"backup": 1, "made_at": …, "software": …, "origin": …, "database": …,
     "migrations": [[app, name, time], …]}              on one line, as all others
    {"table": name, "columns": [name, …]}
    [value, …]                                        a row, in the order of the columns
    {"part": name}
    "base64"                                          a piece of a part
    {"end": {"tables": {name: rows, …}, "parts": {name: pieces, …}}}

Bytes stand as base64, sealed values as their envelopes, times as RFC 3339. The end counts what came before,
so that a reader and a writer who differ notice.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import orjson

VERSION = 1


class BadContent(Exception):
    """The content is not of the form above: another version's, or a fault of this program."""


@dataclass(frozen=True)
class Head:
    """What a back-up says of itself. `migrations` are (app, name, RFC 3339 time of application)."""

    made_at: str
    software: str
    origin: str
    database: str
    migrations: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Table:
    """The rows that follow are of this table, with these columns."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """The pieces that follow are of this part."""

    name: str


@dataclass
class Counts:
    """Rows by table and pieces by part."""

    tables: dict[str, int] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)


Row = list[Any]
Record = Head | Table | Row | Part | bytes | Counts


def line(record: Record) -> bytes:
    """Return one record's line, its end included."""
    return orjson.dumps(_told(record), default=_fallback) + b"\n"


def _told(record: Record) -> object:
    match record:
        case Head():
            return {
                "backup": VERSION,
                "made_at": record.made_at,
                "software": record.software,
                "origin": record.origin,
                "database": record.database,
                "migrations": record.migrations,
            }
        case Table():
            return {"table": record.name, "columns": record.columns}
        case Part():
            return {"part": record.name}
        case Counts():
            return {"end": {"tables": record.tables, "parts": record.parts}}
        case bytes():
            return base64.b64encode(record).decode()
        case list():
            return record


def _fallback(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    raise TypeError(f"a back-up has no form for {type(value).__name__}")


def raw(text: object) -> bytes:
    """Return the bytes that `line` wrote as base64. Raises BadContent."""
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise BadContent("bytes that are not base64") from None


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield whole lines out of pieces of any size. Raises BadContent where the last has no end."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        raise BadContent("a line without an end")


def read(chunks: Iterable[bytes]) -> Iterator[Record]:
    """Yield the records: a Head first, Counts last, and the counts are right. Raises BadContent."""
    seen = Counts()
    where: Table | Part | None = None
    ended = False
    for number, text in enumerate(lines(chunks)):
        record = _parsed(text)
        if ended or (number == 0) != isinstance(record, Head):
            raise BadContent("a record out of its place")
        match record:
            case Table():
                seen.tables[record.name] = _fresh(seen.tables, record.name)
                where = record
            case Part():
                seen.parts[record.name] = _fresh(seen.parts, record.name)
                where = record
            case list():
                if not isinstance(where, Table) or len(record) != len(where.columns):
                    raise BadContent("a row out of its place")
                seen.tables[where.name] += 1
            case bytes():
                if not isinstance(where, Part):
                    raise BadContent("a piece out of its place")
                seen.parts[where.name] += 1
            case Counts():
                if record != seen:
                    raise BadContent("other counts than rows")
                ended = True
            case Head():
                pass
        yield record
    if not ended:
        raise BadContent("no end")


def sections(content: Iterable[Record]) -> Iterator[tuple[Record, Iterator[Record]]]:
    """Yield each word about what follows, with that: a table with its rows, a part with its pieces."""
    word: Record | None = None

    def section(record: Record) -> Record | None:
        nonlocal word
        if not isinstance(record, list | bytes):
            word = record
        return word

    for _, members in groupby(content, section):
        following = iter(members)
        yield next(following), following


def _fresh(known: Mapping[str, int], name: str) -> int:
    if name in known:
        raise BadContent("a table or part that comes twice")
    return 0


def _parsed(text: bytes) -> Record:
    try:
        match orjson.loads(text):
            case list() as row:
                return row
            case str() as piece:
                return raw(piece)
            case {"table": str() as name, "columns": list() as columns}:
                return Table(name, tuple(str(column) for column in columns))
            case {"part": str() as name}:
                return Part(name)
            case {"end": {"tables": dict() as tables, "parts": dict() as parts}}:
                return Counts(tables, parts)
            case {"backup": 1, "migrations": list() as migrations, **rest}:
                applied = tuple((str(app), str(name), str(time)) for app, name, time in migrations)
                return Head(
                    made_at=str(rest["made_at"]),
                    software=str(rest["software"]),
                    origin=str(rest["origin"]),
                    database=str(rest["database"]),
                    migrations=applied,
                )
    except (ValueError, KeyError, TypeError):
        pass
    raise BadContent("a record that this version does not know")

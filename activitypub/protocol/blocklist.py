"""Lists of blocked hosts as Mastodon's administrators exchange them: CSV, a host a line.

The header is `#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate`. Read are also
lists without the `#`, in another order, with fewer columns, and bare lists of names: to suspend, as Mastodon
takes them.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from activitypub.protocol.uris import host_name

MAX_CHARACTERS: Final = 8 * 1024 * 1024
MAX_LINES: Final = 100_000
MAX_COMMENT: Final = 2000

_COLUMNS: Final = ("domain", "severity", "reject_media", "reject_reports", "public_comment", "obfuscate")


SEVERITIES: Final = ("noop", "silence", "suspend")


@dataclass(frozen=True, slots=True)
class Line:
    """What a list says of a host, a name in lower-case A-labels without a port. `severity` is one of
    SEVERITIES."""

    host: str
    severity: str = "suspend"
    reject_media: bool = False
    reject_reports: bool = False
    public_comment: str = ""
    obfuscate: bool = False


class BadBlocklist(Exception):
    """A list cannot be read. `line` is counted from one; its text is not told."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Blocklist:
    """`unnamed` is how many lines hide the host's name behind asterisks, of which nothing can be made."""

    lines: tuple[Line, ...]
    unnamed: int


def read(text: str) -> Blocklist:
    """Return what the list says; of a host that stands in it twice the first line. Raises BadBlocklist: a
    list that cannot be read whole is not taken by half."""
    if len(text) > MAX_CHARACTERS:
        raise BadBlocklist(1, f"the list has more than {MAX_CHARACTERS} characters")
    columns: list[str] = []
    found: dict[str, Line] = {}
    unnamed = 0
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        for cells in rows:
            if not any(cell.strip() for cell in cells):
                continue
            if rows.line_num > MAX_LINES:
                raise BadBlocklist(rows.line_num, f"the list has more than {MAX_LINES} lines")
            if not columns:
                columns = _header(cells)
                if columns:
                    continue
                columns = [_COLUMNS[0]]
            row = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
            if "*" in row["domain"]:
                unnamed += 1
                continue
            line = _line(row, rows.line_num)
            found.setdefault(line.host, line)
    except csv.Error:
        raise BadBlocklist(rows.line_num, "this is no CSV") from None
    return Blocklist(tuple(found.values()), unnamed)


def write(lines: Iterable[Line]) -> str:
    """Return the list as Mastodon writes it."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(f"#{name}" for name in _COLUMNS)
    for line in lines:
        flags = (str(flag).lower() for flag in (line.reject_media, line.reject_reports))
        obfuscate = str(line.obfuscate).lower()
        rows.writerow((line.host, line.severity, *flags, line.public_comment, obfuscate))
    return text.getvalue()


def _header(cells: list[str]) -> list[str]:
    """The names of the columns, or none if this is no header."""
    names = [cell.strip().removeprefix("#").strip().lower() for cell in cells]
    return names if "domain" in names else []


def _line(row: dict[str, str], number: int) -> Line:
    host = host_name(row["domain"])
    if host is None or "." not in host:
        raise BadBlocklist(number, "this is no host")
    severity = row.get("severity") or "suspend"
    if severity not in SEVERITIES:
        raise BadBlocklist(number, "the severity must be noop, silence or suspend")
    return Line(
        host,
        severity,
        _flag(row, "reject_media", number),
        _flag(row, "reject_reports", number),
        row.get("public_comment", "")[:MAX_COMMENT].replace("\0", ""),
        _flag(row, "obfuscate", number),
    )


def _flag(row: dict[str, str], name: str, number: int) -> bool:
    value = row.get(name, "").lower()
    if value not in ("", "true", "false"):
        raise BadBlocklist(number, f"{name} must be true or false")
    return value == "true"

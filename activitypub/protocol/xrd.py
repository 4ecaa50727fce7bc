"""XRD 1.0, as host-meta and old WebFinger write it: subject, aliases and links, and nothing else.

No document type is taken, so there are no entities: none that grows, and none that reads a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

NAMESPACE: Final = "http://docs.oasis-open.org/ns/xri/xrd-1.0"

MAX_BYTES: Final = 256 * 1024
MAX_LINKS: Final = 128
MAX_CHARACTERS: Final = 2048


class Malformed(ValueError):
    """What is no XRD, too large, or has a document type."""


@dataclass(frozen=True, slots=True)
class XRD:
    """Each link is its attributes."""

    subject: str | None
    aliases: tuple[str, ...]
    links: tuple[Mapping[str, str], ...]


def read(body: bytes) -> XRD:
    """Return the XRD in `body`. Raises Malformed."""
    if len(body) > MAX_BYTES:
        raise Malformed
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError):  # LookupError: an encoding that nobody knows
        raise Malformed from None
    if not reader.is_xrd:
        raise Malformed
    return XRD(
        subject=next(iter(reader.texts.get("Subject", [])), None),
        aliases=tuple(reader.texts.get("Alias", [])),
        links=tuple(reader.links),
    )


@dataclass(slots=True)
class _Reader:
    """Only direct children of the root are looked at."""

    is_xrd: bool = False
    depth: int = 0
    texts: dict[str, list[str]] = field(default_factory=dict)
    links: list[Mapping[str, str]] = field(default_factory=list)
    collecting: list[str] | None = None

    def doctype(self, *_declaration: object) -> None:
        raise Malformed

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth == 1:
            self.is_xrd = name == f"{NAMESPACE} XRD"
        elif self.depth == 2:
            match name.removeprefix(f"{NAMESPACE} "):
                case "Link" if len(self.links) < MAX_LINKS:
                    self.links.append(attributes)
                case "Subject" | "Alias":
                    self.collecting = []

    def characters(self, text: str) -> None:
        if self.collecting is not None:
            self.collecting.append(text)

    def end(self, name: str) -> None:
        if self.depth == 2 and self.collecting is not None:
            text = "".join(self.collecting).strip()
            found = self.texts.setdefault(name.removeprefix(f"{NAMESPACE} "), [])
            if text and len(text) <= MAX_CHARACTERS and len(found) < MAX_LINKS:
                found.append(text)
            self.collecting = None
        self.depth -= 1

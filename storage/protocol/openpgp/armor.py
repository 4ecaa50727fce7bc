"""ASCII armor around an encrypted message, taken off as it passes (RFC 9580 §6).

    -----BEGIN PGP MESSAGE-----
    Comment: …

    base64, at most 76 characters a line
    =CRC
    -----END PGP MESSAGE-----

Line ends are LF or CRLF; spaces may stand behind lines, blank lines anywhere, both within bounds. The CRC may
be there and is not computed: by §6.1 it is no reason to refuse a message. Everything else that armor might
carry beside its data would be in the open, so there are few headers, and short ones.
"""

import binascii
import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final

from storage.protocol.openpgp.refusals import NotEncrypted, Reason

MAX_LINE_CHARACTERS: Final = 200
MAX_HEADERS: Final = 8
MAX_BLANK_LINES: Final = 1000

_LABEL: Final = re.compile(rb"-----BEGIN PGP ([A-Z0-9 ,/]{1,64})-----")
_END: Final = b"-----END PGP MESSAGE-----"
_HEADER: Final = re.compile(rb"[A-Za-z][A-Za-z0-9-]{0,31}:(?: [\x20-\x7e]*)?")
# Whole lines of data, as many as there are; possessive, so that nothing is tried twice.
_DATA: Final = re.compile(rb"(?>(?>[A-Za-z0-9+/]{1,76})[ \t]{0,76}+\r?+\n)*+")
_LAST: Final = re.compile(rb"[A-Za-z0-9+/]{2,75}={1,2}")
_CRC: Final = re.compile(rb"=[A-Za-z0-9+/]{4}")
_SPACE: Final = b" \t\r\n"
_WHY_NOT: Final = {
    b"SIGNED MESSAGE": Reason.SIGNED,
    b"SIGNATURE": Reason.SIGNED,
    b"PUBLIC KEY BLOCK": Reason.KEY,
    b"PRIVATE KEY BLOCK": Reason.KEY,
}


class _Place(Enum):
    BEFORE = auto()
    HEADERS = auto()
    DATA = auto()
    CRC = auto()
    END = auto()
    AFTER = auto()


class Armor:
    """Takes armor off: bytes in, bytes out. Holds a line at most."""

    def __init__(self) -> None:
        self._place = _Place.BEFORE
        self._held = b""
        # Of four characters that make three bytes, those that are there.
        self._characters = b""
        self._headers = 0
        self._blank = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what was armored. Raises NotEncrypted."""
        text = self._held + data if self._held else data
        position = 0
        while True:
            if self._place is _Place.DATA:
                lines = _DATA.match(text, position)
                if lines is not None and lines.end() > position:
                    yield self._decoded(lines[0])
                    position = lines.end()
            end = text.find(b"\n", position)
            if end < 0:
                break
            yield from self._line(text[position:end])
            position = end + 1
        self._held = text[position:]
        if len(self._held) > MAX_LINE_CHARACTERS or (
            self._place is _Place.BEFORE and self._held.strip(_SPACE)[:1] not in (b"", b"-")
        ):
            raise self._stray()

    def finish(self) -> Iterator[bytes]:
        """Yield nothing more, but raise NotEncrypted where the armor has no end."""
        line = self._held.rstrip(_SPACE)
        if self._place in (_Place.BEFORE, _Place.AFTER) or line == _END:
            yield from self._line(line)
        if self._place is _Place.BEFORE:
            raise NotEncrypted(Reason.EMPTY)
        if self._place is not _Place.AFTER:
            raise NotEncrypted(Reason.TRUNCATED)

    def _line(self, line: bytes) -> Iterator[bytes]:
        """One line that is not wholly data."""
        if len(line) > MAX_LINE_CHARACTERS:
            raise self._stray()
        line = line.strip(_SPACE) if self._place in (_Place.BEFORE, _Place.AFTER) else line.rstrip(_SPACE)
        if not line:
            self._blank += 1
            if self._blank > MAX_BLANK_LINES:
                raise self._stray()
            if self._place is _Place.HEADERS:
                self._place = _Place.DATA
        elif self._place is _Place.BEFORE:
            self._begin(line)
        elif self._place is _Place.HEADERS:
            self._headers += 1
            if self._headers > MAX_HEADERS or not _HEADER.fullmatch(line):
                raise self._stray()
        elif self._place is _Place.DATA and _LAST.fullmatch(line):
            yield self._last(line)
            self._place = _Place.CRC
        elif self._place in (_Place.DATA, _Place.CRC) and _CRC.fullmatch(line):
            self._place = _Place.END
        elif self._place in (_Place.DATA, _Place.CRC, _Place.END) and line == _END:
            if self._characters:
                raise NotEncrypted(Reason.BAD_ARMOR)
            self._place = _Place.AFTER
        else:
            raise self._stray(line)

    def _begin(self, line: bytes) -> None:
        label = _LABEL.fullmatch(line)
        if label is None:
            raise NotEncrypted(Reason.NOT_OPENPGP)
        if label[1] != b"MESSAGE":
            raise NotEncrypted(_WHY_NOT.get(label[1], Reason.NOT_OPENPGP))
        self._place = _Place.HEADERS

    def _decoded(self, lines: bytes) -> bytes:
        characters = self._characters + lines.translate(None, _SPACE)
        whole = len(characters) & ~3
        self._characters = characters[whole:]
        return binascii.a2b_base64(characters[:whole])

    def _last(self, line: bytes) -> bytes:
        """Data that ends with padding."""
        characters = self._characters + line
        self._characters = b""
        try:
            data = binascii.a2b_base64(characters, strict_mode=True)
        except binascii.Error:
            raise NotEncrypted(Reason.BAD_ARMOR) from None
        # Bits that no byte uses could carry something.
        if binascii.b2a_base64(data, newline=False) != characters:
            raise NotEncrypted(Reason.BAD_ARMOR)
        return data

    def _stray(self, line: bytes = b"") -> NotEncrypted:
        if self._place is _Place.BEFORE:
            return NotEncrypted(Reason.NOT_OPENPGP)
        if self._place is _Place.AFTER:
            return NotEncrypted(Reason.AFTER_END)
        if line.startswith(b"-----BEGIN PGP "):
            return NotEncrypted(Reason.ARMOR_IN_ARMOR)
        return NotEncrypted(Reason.BAD_ARMOR)

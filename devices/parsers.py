"""The one representation of the native API: JSON in UTF-8, bounded in size and depth."""

import json
from typing import IO, Any

import orjson
from rest_framework import exceptions, parsers, renderers

from devices.errors import TooLarge

# Holds a public key of 64 KiB and a certificate for each of some hundred devices.
MAX_BODY_BYTES = 512 * 1024


def dumps(value: Any) -> bytes:
    """JSON in UTF-8; times as RFC 3339 UTC with Z."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


class JSONParser(parsers.BaseParser):
    """Reads no more than MAX_BODY_BYTES of a body, whatever its Content-Length says."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Any = None,
    ) -> Any:
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"at most {MAX_BODY_BYTES} bytes")
        try:
            # orjson refuses what is no UTF-8, NaN, half a character, and nesting beyond 1024 levels.
            value = orjson.loads(body)
            # But of a member that stands twice it takes the last, where another reader may take the
            # first: such a body says two things, so it says nothing.
            json.loads(body, object_pairs_hook=_members)
        except (ValueError, RecursionError):
            raise exceptions.ParseError from None
        return value


def _members(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member stands twice")


class JSONRenderer(renderers.BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Any = None,
    ) -> bytes:
        return b"" if data is None else dumps(data)

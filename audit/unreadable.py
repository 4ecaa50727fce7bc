"""Columns that hold what they cannot hold, which SQLite lets them; one of them is in no other's way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

UNREADABLE: Final = (ValueError, TypeError, AttributeError, OverflowError)
"""What comes of such a column."""


def is_name(chain: object) -> bool:
    """Whether a chain can be called so, and asked for by it."""
    return isinstance(chain, str) and chain.isprintable()


def as_bytes(value: Any) -> Any:
    """Bytes as bytes on every database, whatever else as it is."""
    return bytes(value) if isinstance(value, memoryview) else value


@contextmanager
def text_as_it_is(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Inside, SQLite's text that is no UTF-8 has surrogates, which no hash is made of; else reading fails."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    before, connection.connection.text_factory = connection.connection.text_factory, _decoded
    try:
        yield
    finally:
        connection.connection.text_factory = before


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")

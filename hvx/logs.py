"""Structured logs: one JSON line an event, with no secret in it.

An exception is logged by its type and the places it passed through, never by its text or its
variables: a text may quote what a caller sent.
"""

import datetime
import logging
import traceback
from contextvars import ContextVar
from typing import Any

import orjson

request_id: ContextVar[str] = ContextVar("request_id", default="")


def _message(record: logging.LogRecord) -> str:
    """The record's text; of asyncio's own only what happened.

    It goes on with the task, its arguments and its exception as they would be printed.
    """
    text = record.getMessage()
    return text.partition("\n")[0].partition("(")[0] if record.name == "asyncio" else text


class JSONFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request_id and the record's `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if identity := request_id.get():
            line["request_id"] = identity
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__qualname__
            line["at"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])[-8:]
            ]
        return orjson.dumps(line, default=str).decode()

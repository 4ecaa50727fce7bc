"""The published signatures, and the messages that they sign."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from activitypub.protocol.signatures.messages import Headers, SignedRequest

Case = dict[str, Any]


def load(name: str, folder: str = "http-signatures") -> dict[str, Any]:
    """One file of vectors, whole."""
    found: dict[str, Any] = json.loads((Path(os.environ["HVX_VECTORS"]) / folder / name).read_text())
    return found


def cases(name: str) -> list[Case]:
    found: list[Case] = load(name)["cases"]
    assert found
    return found


def request_of(message: dict[str, Any], scheme: str = "https") -> SignedRequest:
    """A vector's request. The server is the one that its Host names."""
    headers: Headers = tuple((name, value) for name, value in message["headers"])
    hosts = [value for name, value in headers if name.lower() == "host"]
    return SignedRequest(
        method=message["method"],
        target=message["target"],
        authority=message.get("authority") or (hosts[0] if hosts else "example.com"),
        headers=headers,
        body=(message["body"] or "").encode(),
        scheme=message.get("scheme", scheme),
    )


def clock(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def header(message: dict[str, Any], name: str) -> str:
    (value,) = [value for found, value in message["headers"] if found.lower() == name]
    assert isinstance(value, str)
    return value

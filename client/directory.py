"""What a server publishes about an account, read into values. Nothing of it is believed yet."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from client.api import Api, segment
from client.faults import NoAnswer
from client.protocol.encoding import DeviceHash, is_fingerprint, key_bytes
from client.protocol.published import Published, PublishedDevice, PublishedTransition

_MAX_PAGES = 100


def published(api: Api, username: str) -> Published:
    """The account's key, its transitions and every device that was ever certified."""
    address = f"accounts/{segment(username)}"
    try:
        account = api.get(address, public=True)
        devices = [_device(row) for row in pages(api, f"{address}/devices", public=True)]
        fingerprint = account["fingerprint"]
        if not is_fingerprint(fingerprint):
            raise ValueError("no fingerprint")
        return Published(
            fingerprint=fingerprint,
            public_key=_text(account["public_key"]),
            transitions=tuple(_transition(row) for row in account["transitions"]),
            devices={device.device: device for device in devices},
        )
    except (ValueError, TypeError, KeyError) as fault:
        raise NoAnswer("What the server publishes of the account is not of the protocol.") from fault


def pages(api: Api, path: str, *, public: bool = False, **params: str) -> Iterator[Any]:
    """The rows of a cursor-paginated list. `next` is a cursor or an address with one."""
    for _ in range(_MAX_PAGES):
        page = api.get(path, params=params, public=public)
        yield from page["results"]
        cursor = _cursor(page.get("next"))
        if cursor is None:
            return
        params["cursor"] = cursor
    raise NoAnswer("The server's list does not end.")


def _cursor(following: object) -> str | None:
    if not isinstance(following, str) or not following:
        return None
    named = parse_qs(urlsplit(following).query).get("cursor")
    return named[0] if named else following


def _device(row: dict[str, Any]) -> PublishedDevice:
    device = _text(row["device"])
    key_bytes(device)
    revocation_challenge = row.get("revocation_challenge")
    return PublishedDevice(
        device=DeviceHash(device),
        device_key=key_bytes(_text(row["device_key"])),
        challenge=key_bytes(_text(row["challenge"])),
        certificate=_optional(row["certificate"]),
        revocation=_optional(row["revocation"]),
        revocation_challenge=None if revocation_challenge is None else key_bytes(_text(revocation_challenge)),
        ended=_optional(row["ended"]),
    )


def _transition(row: dict[str, Any]) -> PublishedTransition:
    for name in ("key", "new_key"):
        if not is_fingerprint(_text(row[name])):
            raise ValueError("no fingerprint")
    return PublishedTransition(
        key=row["key"],
        new_key=row["new_key"],
        challenge=key_bytes(_text(row["challenge"])),
        signatures=_text(row["transition"]),
        public_key=_text(row["public_key"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def _optional(value: object) -> str | None:
    return None if value is None else _text(value)

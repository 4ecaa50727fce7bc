"""The frames that the server sends (PROTOCOL §4), as JSON text.

A relayed frame stands in ours as its sender wrote it: parsing proved it to be one JSON object, so it
can be put in place without being encoded again.
"""

import json
from datetime import UTC, datetime

from devices.protocol.device_hash import DeviceHash
from keyexchange.protocol.frames import ExchangeId, Frame


def rfc3339(seconds: float) -> str:
    """Unix seconds as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def hello(*, device: DeviceHash, scope: str, account: str, now: float) -> str:
    return json.dumps(
        {"type": "hello", "device": device, "scope": scope, "account": account, "time": rfc3339(now)}
    )


def offer(request: Frame, *, sender: DeviceHash, name: str, platform: str, expires_at: float) -> str:
    return (
        f'{{"type":"offer","exchange":"{request.exchange}","from":"{sender}",'
        f'"name":{json.dumps(name)},"platform":{json.dumps(platform)},'
        f'"expires_at":"{rfc3339(expires_at)}","frame":{request.text}}}'
    )


def relay(frame: Frame, *, seq: int, sender: DeviceHash) -> str:
    return (
        f'{{"type":"relay","exchange":"{frame.exchange}","seq":{seq},"from":"{sender}","frame":{frame.text}}}'
    )


def withdrawn(exchange: ExchangeId) -> str:
    return f'{{"type":"withdrawn","exchange":"{exchange}"}}'


def expired(exchange: ExchangeId) -> str:
    return f'{{"type":"expired","exchange":"{exchange}"}}'


def error(exchange: str | None, code: str, detail: str) -> str:
    return json.dumps({"type": "error", "exchange": exchange, "code": code, "detail": detail})

"""A real server with an inbox, on a real socket: what it has answered with 202 outlives it."""

import asyncio
import contextlib
import hashlib
import json
from pathlib import Path

import httpx
from django.test import override_settings

from activitypub.protocol.signatures.messages import SignedRequest
from tests.activitypub.fetching.peer import Peer
from tests.activitypub.senders import Sender
from tests.live import LiveServer

# How many senders there are at once, and after how many answers the power goes.
SENDERS = 16
ENOUGH = 120

_DIGESTS = """
from activitypub.models import Received
print(" ".join(bytes(row).hex() for row in Received.objects.values_list("digest", flat=True)))
"""


async def _send(http: httpx.AsyncClient, request: SignedRequest) -> httpx.Response:
    return await http.request(
        request.method, request.target, headers=list(request.headers), content=request.body
    )


async def _keep_sending(
    http: httpx.AsyncClient, bob: Sender, accepted: list[str], enough: asyncio.Event
) -> None:
    """Send until nobody answers any more."""
    with contextlib.suppress(httpx.TransportError):
        while True:
            request = bob.post()
            answer = await _send(http, request)
            assert answer.status_code == 202
            accepted.append(hashlib.sha256(json.loads(request.body)["id"].encode()).hexdigest())
            if len(accepted) >= ENOUGH:
                enough.set()


async def test_what_was_answered_with_202_outlives_a_kill_and_no_log_names_who_sent_it(
    tmp_path: Path,
) -> None:
    live = LiveServer(tmp_path, env={"HVX_FEDERATION_ALLOW_PRIVATE": "on"})
    try:
        await asyncio.to_thread(live.start)
        async with Peer() as peer, httpx.AsyncClient(base_url=live.url, trust_env=False) as http:
            with override_settings(HVX_ORIGIN=live.origin, HVX_HOST=live.host):
                bob = Sender(peer).publish()
                refused = await _send(http, bob.post(age=4200))
                assert (refused.status_code, refused.json()["reason"]) == (401, "expired")
                accepted: list[str] = []
                enough = asyncio.Event()
                senders = [
                    asyncio.create_task(_keep_sending(http, bob, accepted, enough)) for _ in range(SENDERS)
                ]
                await enough.wait()
                live.kill()
                await asyncio.gather(*senders)
        kept = await asyncio.to_thread(live.manage, "shell", "--no-imports", "--command", _DIGESTS)
        assert set(accepted) <= set(kept.split())
    finally:
        await asyncio.to_thread(live.close)
    lines = [json.loads(line) for line in live.log_path.read_text().splitlines() if line.startswith("{")]
    told = [line for line in lines if line.get("path") == "/inbox"]
    assert (told[0]["status"], told[0]["reason"]) == (401, "expired")
    assert sum(line["status"] == 202 for line in told) >= len(accepted)
    assert bob.uri not in live.log_path.read_text()

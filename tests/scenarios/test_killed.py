"""The server is killed in the middle of a handoff (SIGKILL: no chance to say or write anything)."""

import asyncio
import json
from pathlib import Path

import pytest

from client.protocol.effects import Done, Ended
from client.protocol.reasons import Reason
from client.socket import Socket
from tests.live import LiveServer
from tests.scenarios.people import Table, approve, ask, register, sign_in
from tests.scenarios.searching import found_in_files

pytestmark = pytest.mark.needs("gnupg")


async def _killed_while_the_code_is_typed(server: LiveServer, folder: Path) -> list[Done | Ended]:
    first = await asyncio.to_thread(register, server.url, folder / "first")
    second = await asyncio.to_thread(sign_in, server.url, folder / "second")
    try:
        table = Table()
        sides = [asyncio.create_task(ask(second, table)), asyncio.create_task(approve(first, table))]
        await asyncio.wait_for(table.asked_for_code.wait(), 30)
        server.kill()
        await asyncio.to_thread(server.start)
        table.may_type.set()
        return list(await asyncio.wait_for(asyncio.gather(*sides), 60))
    finally:
        first.close()
        second.close()


async def test_without_a_shared_cache_both_sides_end_with_a_reason_and_no_key(tmp_path: Path) -> None:
    with LiveServer(tmp_path, cluster=False) as server:
        outcomes = await _killed_while_the_code_is_typed(server, tmp_path)
        assert [type(outcome) for outcome in outcomes] == [Ended, Ended]
        assert {outcome.reason for outcome in outcomes if isinstance(outcome, Ended)} == {
            Reason.REFUSED_BY_SERVER
        }
        second = sign_in(server.url, tmp_path / "second")
        assert not second.has_account_key()
        second.close()


@pytest.mark.needs("redis", "postgres")
async def test_with_a_shared_cache_both_sides_come_back_and_the_handoff_completes(tmp_path: Path) -> None:
    with LiveServer(tmp_path, cluster=True) as server:
        outcomes = await _killed_while_the_code_is_typed(server, tmp_path)
        assert outcomes == [Done(), Done()]


async def test_nothing_of_the_exchange_is_on_disk_when_the_server_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict[str, bytes] = {}
    send = Socket.send

    async def remembering(line: Socket, text: str) -> None:
        sent[f"frame {len(sent) + 1}"] = text.encode()
        await send(line, text)

    monkeypatch.setattr(Socket, "send", remembering)
    with LiveServer(tmp_path, cluster=False) as server:
        first = await asyncio.to_thread(register, server.url, tmp_path / "first")
        second = await asyncio.to_thread(sign_in, server.url, tmp_path / "second")
        table = Table()
        sides = [asyncio.create_task(ask(second, table)), asyncio.create_task(approve(first, table))]
        await asyncio.wait_for(table.asked_for_code.wait(), 30)
        server.kill()
        assert len(sent) >= 4, "request, accept, reveal and prove had been sent"
        values = {
            f"{name} {field}": value for name, text in sent.items() for field, value in _long_values(text)
        }
        assert found_in_files([server.data_dir, server.log_path], {**sent, **values}) == {}
        for side in sides:
            side.cancel()
        await asyncio.gather(*sides, return_exceptions=True)
        first.close()
        second.close()


def _long_values(text: bytes) -> list[tuple[str, bytes]]:
    """What an exchange alone knows: its id, and every value but the devices' own, which the
    database holds for other reasons."""
    public = {"device", "device_key", "challenge", "to", "type"}
    frame = json.loads(text)
    return [
        (name, value.encode())
        for name, value in frame.items()
        if isinstance(value, str) and len(value) >= 16 and name not in public
    ]

"""The operator's socket, and the one who answers on it while the server is sealed."""

import asyncio
import contextlib
import json
import os
import socket
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from hvx.serving import control as serving
from hvx.serving.control import ControlSocket
from hvx.serving.link import Link
from hvx.serving.listening import CannotListen
from hvx.serving.listening import control as operators_socket
from hvx.serving.opener import Opener
from vault import control, vaultfile
from vault.protectors import shares
from vault.rootkey import RootKey
from vault.unsealing import Progress, Unsealing
from vault.vaultfile import Protector


async def echo(request: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    yield {"progress": 1}
    yield request


@pytest.fixture
async def folder(tmp_path: Path, settings: Settings) -> AsyncIterator[Path]:
    """A folder on whose socket `echo` answers."""
    settings.HVX_DATA_DIR = tmp_path
    with operators_socket() as listener:
        serving_it = ControlSocket(listener, echo)
        await serving_it.open()
        yield tmp_path
        serving_it.close()


async def send(folder: Path, raw: bytes) -> bytes:
    """All that the server says to these bytes."""
    with control.short_name(folder) as name:
        reader, writer = await asyncio.open_unix_connection(name)
    writer.write(raw)
    try:
        return await asyncio.wait_for(reader.read(), 20)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_answers_come_one_by_one_and_the_last_is_the_outcome(folder: Path) -> None:
    told = await asyncio.to_thread(lambda: list(control.ask(folder, do="status")))
    assert told == [{"progress": 1}, {"do": "status"}]
    assert await asyncio.to_thread(control.outcome, folder, do="x") == {"do": "x"}


@pytest.mark.parametrize(
    "raw",
    [b"\n", b"no json\n", b"[]\n", b'"status"\n', b"\xff\xfe\n", b"[" * 5000 + b"\n", b"{}" * 8000 + b"\n"],
)
async def test_what_is_no_request_is_told_so_and_harms_nobody(folder: Path, raw: bytes) -> None:
    assert "error" in json.loads(await send(folder, raw))
    assert await asyncio.to_thread(control.outcome, folder, do="x") == {"do": "x"}


async def test_a_client_that_hangs_or_leaves_half_way_is_let_go(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "PATIENCE", 0.3)
    with control.short_name(folder) as name:
        hanging = [await asyncio.open_unix_connection(name) for _ in range(serving.MOST_CLIENTS)]
        # No room is left until they are given up.
        assert await send(folder, b'{"do": "x"}\n') == b""
        for reader, _ in hanging:
            assert await asyncio.wait_for(reader.read(), 20) == b""
        left = socket.socket(socket.AF_UNIX)
        left.connect(name)
        left.send(b'{"do"')
        left.close()
    assert await asyncio.to_thread(control.outcome, folder, do="x") == {"do": "x"}
    for _, writer in hanging:
        writer.close()


async def test_another_user_is_not_heard(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Peer:
        def __init__(self, uid: int) -> None:
            self.uid = uid

        def get_extra_info(self, name: str) -> "Peer":
            return self

        def getsockopt(self, level: int, option: int, size: int) -> bytes:
            return serving._PEER.pack(1, self.uid, self.uid)

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert [serving._is_own(Peer(uid)) for uid in (1000, 0, 1001)] == [True, True, False]  # type: ignore[arg-type]


def test_where_nobody_listens_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(control.NoServer, match=str(tmp_path)):
        control.outcome(tmp_path, do="status")
    with socket.socket(socket.AF_UNIX) as dead, control.short_name(tmp_path) as name:
        dead.bind(name)
    with pytest.raises(control.NoServer):
        control.outcome(tmp_path, do="status")


def test_a_socket_that_a_killed_server_left_is_replaced_and_a_folder_that_is_gone_is_named(
    tmp_path: Path, settings: Settings
) -> None:
    settings.HVX_DATA_DIR = tmp_path
    (tmp_path / control.NAME).write_text("left behind")
    with operators_socket():
        assert (tmp_path / control.NAME).is_socket()
        assert (tmp_path / control.NAME).stat().st_mode & 0o777 == 0o600
    (tmp_path / control.NAME).mkdir()
    with pytest.raises(CannotListen, match=control.NAME), operators_socket():
        raise AssertionError("it listens")


class Sealed:
    """An opener over a vault of 2-of-3 shares, and the master's end of its link."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.master = ours
        self.link = Link(theirs.detach())
        self.opener = Opener(self.link)

    async def ask(self, **request: Any) -> dict[str, Any]:
        return [told async for told in self.opener.answers(request)][-1]


@pytest.fixture
def sealed() -> Iterator[Sealed]:
    whole = Sealed()
    yield whole
    whole.master.close()
    whole.link.socket.close()


@pytest.fixture
def split(tmp_path: Path, settings: Settings) -> tuple[str, ...]:
    settings.HVX_DATA_DIR = tmp_path
    made = shares.protect(2, 3)
    root = RootKey.new()
    protector = Protector.make(root, shares.KIND, made.parameters, made.key)
    vaultfile.create(tmp_path / vaultfile.NAME, vaultfile.new(root, [protector]))
    return made.shares


async def test_shares_are_gathered_and_wrong_ones_cost_nothing(
    sealed: Sealed, split: tuple[str, ...]
) -> None:
    assert (await sealed.ask(do="status"))["need"] == 2
    first = await sealed.ask(do="unseal", by="share", answer=split[0])
    assert (first["state"], first["have"]) == ("sealed", 1)
    for wrong in (split[0], "nonsense", split[1].replace(" ", " x ", 1)):
        refused = await sealed.ask(do="unseal", by="share", answer=wrong)
        assert (refused["have"], "error" in refused) == (1, True)
    assert (await sealed.ask(do="status"))["have"] == 1
    # Nothing went up.
    with pytest.raises(BlockingIOError):
        sealed.master.recv(4096, socket.MSG_DONTWAIT)


async def test_shares_from_two_terminals_at_once_are_both_taken_and_open_it(
    sealed: Sealed, split: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    offer, inside, most = Unsealing.offer, [0], [0]

    def counted(unsealing: Unsealing, text: str) -> Progress:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        try:
            return offer(unsealing, text)
        finally:
            inside[0] -= 1

    monkeypatch.setattr(Unsealing, "offer", counted)
    both = [
        asyncio.create_task(sealed.ask(do="unseal", by="share", answer=share))
        for share in (split[0], split[2])
    ]
    await handed_up(sealed)
    sealed.opener.verdicts.put_nowait({"verdict": "unsealed"})
    await sealed.opener.leave()
    assert {told["state"] for told in await asyncio.gather(*both)} == {"sealed", "serving"}
    assert most == [1]


async def told_next(watching: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any]:
    return await asyncio.wait_for(anext(watching), 20)


async def test_what_comes_while_a_watcher_is_being_told_is_told_too(
    sealed: Sealed, split: tuple[str, ...]
) -> None:
    watching = sealed.opener.answers({"do": "watch"})
    assert (await told_next(watching))["have"] == 0
    # The watcher is behind: it has not asked for more yet.
    await sealed.ask(do="unseal", by="share", answer=split[0])
    assert (await told_next(watching))["have"] == 1
    await sealed.opener.leave()
    with pytest.raises(StopAsyncIteration):
        await told_next(watching)


async def test_a_share_that_is_kept_though_it_does_not_open_is_told_to_watchers(
    sealed: Sealed, split: tuple[str, ...]
) -> None:
    watching = sealed.opener.answers({"do": "watch"})
    await told_next(watching)
    one = shares.read(split[0])
    await sealed.ask(do="unseal", by="share", answer=replace(one, value=bytes(32)).mnemonic())
    assert (await told_next(watching))["have"] == 1
    refused = await sealed.ask(do="unseal", by="share", answer=split[1])
    assert "forged" in refused["error"]
    told = await told_next(watching)
    assert (told["state"], told["have"], told["need"]) == ("sealed", 2, 2)
    await watching.aclose()


async def test_the_root_key_goes_up_and_the_masters_verdict_comes_back(
    sealed: Sealed, split: tuple[str, ...]
) -> None:
    for verdict in ("failed", "unsealed"):
        await sealed.ask(do="unseal", by="share", answer=split[0])
        asked = asyncio.create_task(sealed.ask(do="unseal", by="share", answer=split[2]))
        while not asked.done():
            with contextlib.suppress(BlockingIOError):
                assert json.loads(sealed.master.recv(4096, socket.MSG_DONTWAIT)) == {"event": "root"}
                break
            await asyncio.sleep(0)
        assert len(sealed.master.recv(4096)) == 32
        sealed.opener.verdicts.put_nowait({"verdict": verdict, "reason": "a migration is missing"})
        if verdict == "unsealed":
            await sealed.opener.leave()
            assert await asked == {"state": "serving"}
        else:
            assert "a migration is missing" in (await asked)["error"]
            assert (await sealed.ask(do="status"))["have"] == 0


async def handed_up(sealed: Sealed) -> None:
    """Wait until a root key is with the master, and take it."""
    sealed.master.setblocking(False)
    loop = asyncio.get_running_loop()
    assert json.loads(await asyncio.wait_for(loop.sock_recv(sealed.master, 4096), 20)) == {"event": "root"}
    assert len(await asyncio.wait_for(loop.sock_recv(sealed.master, 4096), 20)) == 32


async def test_of_two_who_open_it_at_once_the_second_hears_that_it_serves(
    sealed: Sealed, split: tuple[str, ...]
) -> None:
    await sealed.ask(do="unseal", by="share", answer=split[0])
    both = [asyncio.create_task(sealed.ask(do="unseal", by="share", answer=split[2])) for _ in range(2)]
    await handed_up(sealed)
    sealed.opener.verdicts.put_nowait({"verdict": "unsealed"})
    await sealed.opener.leave()
    assert await asyncio.wait_for(asyncio.gather(*both), 20) == [{"state": "serving"}] * 2


async def test_who_is_still_waiting_to_try_when_the_server_ends_is_told_so(
    sealed: Sealed, split: tuple[str, ...]
) -> None:
    await sealed.opener.leave()
    assert "ends" in (await sealed.ask(do="unseal", by="share", answer=split[0]))["error"]


async def test_sealing_what_is_sealed_drops_what_was_gathered_and_says_so(
    sealed: Sealed, split: tuple[str, ...]
) -> None:
    assert await sealed.ask(do="seal") == {"state": "sealed"}
    await sealed.ask(do="unseal", by="share", answer=split[0])
    assert await sealed.ask(do="seal") == {"state": "sealed", "dropped": 1}
    assert (await sealed.ask(do="status"))["have"] == 0
    assert (await sealed.ask(do="unseal", by="share", answer=split[0]))["have"] == 1


async def test_sealing_while_a_root_key_is_on_its_way_asks_the_master_and_waits_for_it(
    sealed: Sealed, split: tuple[str, ...]
) -> None:
    await sealed.ask(do="unseal", by="share", answer=split[0])
    opening = asyncio.create_task(sealed.ask(do="unseal", by="share", answer=split[2]))
    await handed_up(sealed)
    sealing = asyncio.create_task(sealed.ask(do="seal"))
    told = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sealed.master, 4096), 20)
    assert json.loads(told) == {"event": "seal"}
    assert not sealing.done()
    sealed.opener.verdicts.put_nowait({"verdict": "sealed"})
    assert (await asyncio.wait_for(sealing, 20))["state"] == "sealed"
    assert "sealed meanwhile" in (await opening)["error"]


async def test_sealing_too_late_is_told_that_the_server_serves(
    sealed: Sealed, split: tuple[str, ...]
) -> None:
    await sealed.ask(do="unseal", by="share", answer=split[0])
    opening = asyncio.create_task(sealed.ask(do="unseal", by="share", answer=split[2]))
    await handed_up(sealed)
    sealing = asyncio.create_task(sealed.ask(do="seal"))
    await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sealed.master, 4096), 20)
    sealed.opener.verdicts.put_nowait({"verdict": "unsealed"})
    await sealed.opener.leave()
    assert list(await asyncio.gather(opening, sealing)) == [{"state": "serving"}] * 2


async def test_what_is_being_opened_while_somebody_seals_goes_to_nobody(
    sealed: Sealed, split: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    await sealed.ask(do="unseal", by="share", answer=split[0])
    opens, may_open = threading.Event(), threading.Event()
    offer = Unsealing.offer

    def slowly(unsealing: Unsealing, text: str) -> Progress:
        opens.set()
        assert may_open.wait(20)
        return offer(unsealing, text)

    monkeypatch.setattr(Unsealing, "offer", slowly)
    opening = asyncio.create_task(sealed.ask(do="unseal", by="share", answer=split[2]))
    await asyncio.to_thread(opens.wait, 20)
    queued = asyncio.create_task(sealed.ask(do="unseal", by="share", answer=split[1]))
    await asyncio.sleep(0)
    sealing = asyncio.create_task(sealed.ask(do="seal"))
    await asyncio.sleep(0)
    may_open.set()
    assert (await sealing)["state"] == "sealed"
    for refused in await asyncio.gather(opening, queued):
        assert "sealed meanwhile" in refused["error"]
    assert (await sealed.ask(do="status"))["have"] == 0
    with pytest.raises(BlockingIOError):
        sealed.master.recv(4096, socket.MSG_DONTWAIT)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"do": "dance"},
        {"do": "unseal"},
        {"do": "unseal", "by": "force"},
        {"do": "unseal", "by": "share"},
        {"do": "unseal", "by": "share", "answer": 7},
        {"do": "unseal", "by": "share", "answer": ""},
        {"do": "unseal", "by": "passphrase", "answer": "x" * 4097},
    ],
)
async def test_a_request_of_another_shape_is_refused(
    sealed: Sealed, split: tuple[str, ...], request_: dict[str, Any]
) -> None:
    assert set(await sealed.ask(**request_)) == {"error"}


async def test_a_vault_file_that_cannot_be_read_is_told(
    sealed: Sealed, split: tuple[str, ...], settings: Settings
) -> None:
    (settings.HVX_DATA_DIR / vaultfile.NAME).write_text("{}")
    assert "vault file" in (await sealed.ask(do="status"))["trouble"]
    assert "vault file" in (await sealed.ask(do="unseal", by="share", answer=split[0]))["error"]

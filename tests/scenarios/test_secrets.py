"""After the whole story, nothing that was secret in it is found anywhere that the server wrote."""

import asyncio
import base64
import re
import subprocess
from pathlib import Path

import httpx
import pytest
import redis

from client import login
from client.protocol.effects import Done
from client.socket import Socket
from tests.live import LiveServer
from tests.scenarios import planting
from tests.scenarios.people import EMAIL, PASSWORD, Table, approve, ask, register, sign_in
from tests.scenarios.searching import armored_body, dearmored, found_in, found_in_files

pytestmark = pytest.mark.needs("gnupg")


# How pg_dump writes a binary column.
BINARY = re.compile(rb"\\x((?:[0-9a-f]{2})+)")


class Overheard:
    """Every secret that the clients of one story had in their hands, by name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.needles: dict[str, bytes] = {"password": PASSWORD.encode(), "e-mail": EMAIL.encode()}
        send, post = Socket.send, httpx.Client.send

        async def overhear_frame(line: Socket, text: str) -> None:
            if '"sealed"' in text:
                sealed = text.split('"sealed"')[1].split('"')[1]
                self.needles[f"sealed frame {len(self.needles)}"] = sealed.encode()
            await send(line, text)

        def overhear_call(client: httpx.Client, request: httpx.Request, **rest: object) -> httpx.Response:
            answer = post(client, request, **rest)  # type: ignore[arg-type]
            answer.read()
            if "access_token" in answer.text:
                # Header and payload of a token repeat; its signature stands in no other.
                token: str = answer.json()["access_token"]
                self.needles[f"token {len(self.needles)}"] = token.rpartition(".")[2].encode()
            return answer

        monkeypatch.setattr(Socket, "send", overhear_frame)
        monkeypatch.setattr(httpx.Client, "send", overhear_call)

    def private_key(self, block: str) -> None:
        raw = dearmored(block)
        self.needles["private key, armored"] = armored_body(block).splitlines()[1]
        # Past the public half, which the server knows: the secret numbers end each secret packet.
        for number, secret in enumerate(secret_numbers(raw)):
            self.needles[f"private key, number {number}"] = secret


def secret_numbers(raw: bytes) -> list[bytes]:
    """The secret scalars of an unprotected transferable secret key (RFC 4880 §5.5.3)."""
    found = []
    position = 0
    while position < len(raw):
        tag = (raw[position] & 0x3F) >> 2 if not raw[position] & 0x40 else raw[position] & 0x3F
        if raw[position] & 0x40:
            length, head = raw[position + 1], 2
            if length >= 192:
                length, head = ((length - 192) << 8) + raw[position + 2] + 192, 3
        else:
            size = 1 << (raw[position] & 3)
            length, head = int.from_bytes(raw[position + 1 : position + 1 + size], "big"), 1 + size
        body = raw[position + head : position + head + length]
        if tag in (5, 7):
            # …, S2K usage 0, one MPI of about 32 bytes, checksum of two.
            found.append(body[-2 - 24 : -2])
        position += head + length
    return found


async def _whole_story(server: LiveServer, folder: Path, overheard: Overheard) -> None:
    first = await asyncio.to_thread(register, server.url, folder / "first")
    overheard.private_key(first.home.give_secret(first.profile.fingerprint))
    second = await asyncio.to_thread(sign_in, server.url, folder / "second")
    table = Table()
    table.may_type.set()
    outcomes = await asyncio.wait_for(asyncio.gather(ask(second, table), approve(first, table)), 60)
    assert list(outcomes) == [Done(), Done()]
    await asyncio.to_thread(login.activate, second)
    await asyncio.to_thread(second.renew_token)
    first.close()
    second.close()


# What a plain database shows to whoever has the disk, secret or not.
LEGIBLE = {
    "file header": b"SQLite format 3",
    "schema": b"CREATE TABLE",
    "table of accounts": b"accounts_account",
    "table of the audit": b"audit_auditrow",
    "username": b"alice",
    "name of a device": planting.DEVICE.encode(),
    "name of an access key": planting.KEY_NAME.encode(),
}


async def test_no_secret_is_in_the_data_folder_or_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overheard = Overheard(monkeypatch)
    needles = overheard.needles
    with LiveServer(tmp_path / "server", cluster=False) as server:
        await _whole_story(server, tmp_path, overheard)
        assert sum(name.startswith("sealed") for name in needles) >= 3
        assert sum(name.startswith("token") for name in needles) >= 4
        needles |= await asyncio.to_thread(planting.plant, server)
        needles |= await asyncio.to_thread(planting.own_keys, server)
        wal = server.data_dir / "hvx.sqlite3-wal"
        assert wal.stat().st_size > 100_000, "much of the story is in the WAL alone"
        assert found_in_files([server.data_dir], needles | LEGIBLE) == {}
        assert found_in_files([server.log_path], needles) == {}
        server.stop()
        planting.empty_wal(server)
        assert not wal.exists() or wal.stat().st_size == 0
        assert found_in_files([server.data_dir], needles | LEGIBLE) == {}
        assert found_in_files([server.log_path], needles) == {}


def test_a_plain_database_shows_what_is_said_of_it_and_no_secret(tmp_path: Path) -> None:
    env = {"HVX_DATABASE_ENCRYPTION": "off"}
    with LiveServer(tmp_path / "server", cluster=False, env=env) as server:
        assert "HVX_DATABASE_ENCRYPTION is off" in server.log_path.read_text()
        needles = planting.plant(server) | planting.own_keys(server)
        server.stop()
        planting.empty_wal(server)
        found = found_in_files([server.data_dir], needles | LEGIBLE)
        assert found == {str(server.data_dir / "hvx.sqlite3"): LEGIBLE.keys() - {"username"}}


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(b"before " + PASSWORD.encode() + b" after")
    for lead in range(3):
        (tmp_path / f"base64-{lead}").write_bytes(
            base64.b64encode(b"x" * lead + PASSWORD.encode() + b" and more")
        )
        (tmp_path / f"base64url-{lead}").write_bytes(
            base64.urlsafe_b64encode(b"x" * lead + PASSWORD.encode())
        )
    found = found_in_files([tmp_path], {"password": PASSWORD.encode()})
    assert len(found) == 7


@pytest.mark.needs("redis", "postgres", "pg_dump")
async def test_no_secret_is_in_postgresql_or_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overheard = Overheard(monkeypatch)
    with LiveServer(tmp_path / "server", cluster=True) as server:
        await _whole_story(server, tmp_path, overheard)
        overheard.needles |= await asyncio.to_thread(planting.plant, server)
        overheard.needles |= await asyncio.to_thread(planting.own_keys, server)
        dump = await asyncio.to_thread(pg_dump, server.database_url)
        assert planting.DEVICE.encode() in dump, "this is the server's database"
        assert dump.count(b"CREATE TABLE") > 10
        with redis.Redis.from_url(server.redis_url) as cache:
            for key in cache.scan_iter():
                dump += key + b"\n" + (cache.dump(key) or b"") + b"\n"
        assert found_in(dump, overheard.needles) == set()
        assert found_in_files([server.data_dir, server.log_path], overheard.needles) == {}


def pg_dump(url: str) -> bytes:
    """A whole database as the operator of PostgreSQL sees it, and what its binary columns hold."""
    dump = subprocess.run(["pg_dump", "--inserts", url], check=True, capture_output=True).stdout
    return dump + b"\n".join(bytes.fromhex(value.decode()) for value in BINARY.findall(dump))


@pytest.mark.needs("gdb", "root")
async def test_the_private_key_is_not_in_a_core_dump_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overheard = Overheard(monkeypatch)
    with LiveServer(tmp_path / "server", cluster=False) as server:
        await _whole_story(server, tmp_path, overheard)
        pids = server.pids()
        assert len(pids) >= 2, "the master and a worker"
        dumps = [await asyncio.to_thread(core_dump, pid, tmp_path) for pid in pids]
        assert all(b"hvx.settings" in dump for dump in dumps), "this is the server's memory"
        keys = {name: value for name, value in overheard.needles.items() if "private key" in name}
        assert len(keys) >= 3
        for dump in dumps:
            assert found_in(dump, keys) == set()


def core_dump(pid: int, folder: Path) -> bytes:
    """The memory of a process, by gcore."""
    subprocess.run(["gcore", "-o", str(folder / "core"), str(pid)], check=True, capture_output=True)
    return (folder / f"core.{pid}").read_bytes()

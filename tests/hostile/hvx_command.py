"""The `hvx` command itself as a client under test: what a user types and reads, over pipes."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from client.cli.exits import Exit, ending_of
from tests.hostile.attack import Attack
from tests.hostile.players import PATIENCE, Body, Hear
from tests.hostile.world import Role
from tests.live import REPOSITORY

_SHOWN = re.compile(
    r"(?P<waiting>Waiting for a device that asks)"
    r"|(?P<offer>\[y/N\])"
    r"|(?P<qr>^hvx:[A-Za-z0-9_-]+$)"
    r"|^    (?P<code>\d{6}|\d{4})$"
    r"|(?P<ask>\((?:6|4) digits\):)",
    re.MULTILINE,
)


class HvxCommand:
    """One profile of `hvx`. An exit code stands for the reasons that end with it, the attack's own first."""

    def __init__(self, attack: type[Attack], program: Sequence[str] = ("-m", "client")) -> None:
        self._attack = attack
        self._program = program
        self._home = Path()
        self._hear: Hear = lambda event: None
        self._who: Body = {}
        self._process: asyncio.subprocess.Process | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self, role: Role, hear: Hear) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="hvx-hostile-"))
        self._hear = hear

    def send(self, command: Body) -> None:
        match command:
            case {"do": "register"}:
                self._take_account(command)
                known = ["--username", command["username"], "--email", command["email"]]
                self._run("register", *self._login, *known, "--backup", str(self._home / "backup"))
            case {"do": "login"}:
                # One command logs in and asks.
                self._take_account(command)
                self._hear({"event": "ready"})
            case {"do": "ask", "to": to, "qr": qr}:
                named = ["--to", to] if to else []
                shown = ["--qr"] if qr else []
                self._run("login", *self._login, "--login", self._who["username"], *named, *shown)
            case {"do": "approve", "qr": qr}:
                self._run("approve", "--once", *(["--qr", qr] if qr else []))
            case {"do": "answer"}:
                self._type("y")
            case {"do": "type", "digits": digits}:
                self._type(digits)
            case {"do": "keys"}:
                self._hear({"event": "keys", "fingerprints": self._secret_keys()})

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), PATIENCE)
            except TimeoutError:
                self._process.kill()
        if self._running is not None:
            await self._running
        await asyncio.to_thread(self._stop_agent)
        shutil.rmtree(self._home, ignore_errors=True)

    @property
    def _login(self) -> list[str]:
        return ["--origin", self._who["origin"], "--password-file", str(self._home / "typed")]

    def _take_account(self, who: Body) -> None:
        self._who = who
        (self._home / "typed").write_text(who["password"])

    def _run(self, *words: str) -> None:
        self._running = asyncio.create_task(self._command(words))

    def _type(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(line.encode() + b"\n")

    async def _command(self, words: tuple[str, ...]) -> None:
        self._process = process = await asyncio.create_subprocess_exec(
            *[sys.executable, *self._program, "--home", str(self._home / "home"), *words],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=REPOSITORY,
            env=os.environ | {"COLUMNS": "400"},
        )
        assert process.stdout is not None
        assert process.stdin is not None
        told, read = "", 0
        while raw := await process.stdout.read(65536):
            told += raw.decode(errors="replace")
            for shown in _SHOWN.finditer(told, read):
                read = shown.end()
                self._hear_shown(str(shown.lastgroup), shown[str(shown.lastgroup)])
        status = await process.wait()
        process.stdin.close()
        self._hear({"event": "screen", "text": told})
        self._hear(self._ended(words[0], status, told))

    def _hear_shown(self, kind: str, text: str) -> None:
        match kind:
            case "qr":
                self._hear({"event": "qr", "text": text})
            case "code":
                self._hear({"event": "code", "digits": text})
            case _:
                self._hear({"event": kind})

    def _ended(self, word: str, status: int, told: str) -> Body:
        if word == "register":
            return {"event": "ready"} if status == 0 else {"event": "fault", "text": told[-400:]}
        if status == Exit.DONE:
            return {"event": "done"}
        ending = getattr(self._attack, "ending", None)
        if ending is not None and status in {
            ending_of(ending, by).exit_code for by in ("self", "peer", "server")
        }:
            return {"event": "ended", "reason": str(ending)}
        return {"event": "ended", "reason": f"exit code {status}"}

    def _stop_agent(self) -> None:
        subprocess.run(
            ["gpgconf", "--homedir", str(self._home / "home" / "gnupg"), "--kill", "all"],
            check=False,
            capture_output=True,
        )

    def _secret_keys(self) -> list[str]:
        listed = subprocess.run(
            ["gpg", "--homedir", str(self._home / "home" / "gnupg"), "--batch", "--with-colons", "-K"],
            check=False,
            capture_output=True,
            text=True,
        ).stdout.splitlines()
        return [listed[at + 1].split(":")[9] for at, line in enumerate(listed) if line.startswith("sec:")]

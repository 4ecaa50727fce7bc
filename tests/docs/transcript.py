"""Plays the handoff that the README shows, with the real `hvx` command, and writes down what is seen.

`python -m tests.docs.transcript` prints it anew for the README, from a server of its own.
"""

import os
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live import LiveServer

HVX = [sys.executable, "-m", "client"]
PATIENCE_SECONDS = 60.0
SHOWN_ORIGIN = "http://localhost:8000"

# What differs from one run to the next, and what stands for it.
CHANGING = (
    (re.compile(r"\b[0-9A-F]{40}\b"), "<fingerprint>"),
    (re.compile(r"(?<![\w-])[A-Za-z0-9_-]{43}(?![\w-])"), "<device hash>"),
    (re.compile(r"(?<=: )\d{6}$|(?<=  )\d{6}$"), "<six digits>"),
    (re.compile(r"(?<=: )\d{4}$|(?<=  )\d{4}$"), "<four digits>"),
)


def masked(transcript: str) -> list[str]:
    """The lines, with everything that changes from run to run replaced."""
    lines = transcript.strip().splitlines()
    for pattern, word in CHANGING:
        lines = [pattern.sub(word, line) for line in lines]
    return lines


class Device:
    """One of the two, with its profile in a folder of its own; writes what it sees into `page`."""

    def __init__(self, name: str, folder: Path, page: list[str]) -> None:
        self.name = name
        self.folder = folder
        self.page = page

    def note(self, mark: str, text: str) -> None:
        # A line that is empty is the end of one that the user typed.
        self.page.extend(f"{self.name:6} {mark} {line}" for line in text.splitlines() if line)

    def run(self, *words: str) -> None:
        """A command that asks nothing."""
        self.note("$", "hvx " + " ".join(words))
        done = subprocess.run(
            [*HVX, "--home", self.name, *words],
            cwd=self.folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        self.note(" ", done.stdout)

    @contextmanager
    def running(self, *words: str) -> Iterator["Conversation"]:
        """A command that asks."""
        self.note("$", "hvx " + " ".join(words))
        with subprocess.Popen(
            [*HVX, "--home", self.name, *words],
            cwd=self.folder,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            try:
                yield Conversation(self, process)
            finally:
                if process.poll() is None:
                    process.kill()

    def forget(self) -> None:
        """End the agent that GnuPG started."""
        subprocess.run(
            ["gpgconf", "--homedir", str(self.folder / self.name / "gnupg"), "--kill", "all"], check=False
        )


class Conversation:
    def __init__(self, device: Device, process: subprocess.Popen[bytes]) -> None:
        self.device = device
        self.process = process
        self.seen = ""

    def until(self, pattern: str) -> str:
        """Read up to the first match, note what was read, and give the match."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        assert self.process.stdout is not None
        while not (match := re.search(pattern, self.seen)):
            ready, _, _ = select.select([self.process.stdout], [], [], max(deadline - time.monotonic(), 0))
            read = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not read:
                raise AssertionError(f"{self.device.name} showed no {pattern!r}, but:\n{self.seen}")
            self.seen += read.decode()
        said, self.seen = self.seen[: match.end()], self.seen[match.end() :]
        self.device.note(" ", said)
        return match[1] if match.lastindex else match[0]

    def type(self, text: str) -> None:
        """Answer the question that was read last, on its line."""
        assert self.process.stdin is not None
        self.device.page[-1] = f"{self.device.page[-1].rstrip()} {text}"
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    def end(self) -> None:
        """Read to the end, which must be a good one."""
        assert self.process.stdout is not None
        self.device.note(" ", self.seen + self.process.stdout.read().decode())
        assert self.process.wait(PATIENCE_SECONDS) == 0


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HVX_")}
    repository = str(Path(__file__).resolve().parent.parent.parent)
    return {**kept, "PYTHONPATH": repository, "TERM": "dumb", "COLUMNS": "100"}


def play(origin: str, folder: Path) -> str:
    """The story from registration to verification, as it is seen on both devices."""
    page: list[str] = []
    laptop, phone = Device("laptop", folder, page), Device("phone", folder, page)
    (folder / "password").write_text("correct horse battery staple\n")
    try:
        laptop.run(
            *("register", "--origin", origin, "--username", "alice", "--email", "alice@example.org"),
            *("--password-file", "password", "--backup", "alice.asc", "--device-name", "laptop"),
        )
        page.append("")
        with laptop.running("approve", "--once") as approving:
            approving.until(r"Waiting for a device .*\n")
            page.append("")
            with phone.running(
                *("login", "--origin", origin, "--login", "alice"),
                *("--password-file", "password", "--device-name", "phone"),
            ) as login:
                login.until(r"Waiting for one of .*\n")
                page.append("")
                approving.until(r"\[y/N\] ")
                approving.type("y")
                approving.until(r"Waiting for the new .*\n")
                page.append("")
                code = login.until(r"\n +(\d{6})\n")
                login.until(r"Waiting for the code .*\n")
                page.append("")
                approving.until(r"6 digits\): ")
                approving.type(code)
                return_code = approving.until(r"\n +(\d{4})\n")
                approving.until(r"Waiting for the new .*\n")
                page.append("")
                login.until(r"4 digits\): ")
                login.type(return_code)
                login.end()
            page.append("")
            approving.end()
        page.append("")
        phone.run("verify", "alice")
    finally:
        laptop.forget()
        phone.forget()
    return "\n".join(page).replace(origin, SHOWN_ORIGIN).replace(origin.partition("://")[2], "localhost:8000")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch, LiveServer(Path(scratch)) as server:
        devices = Path(scratch, "d")
        devices.mkdir()
        print(play(server.origin, devices))  # noqa: T201

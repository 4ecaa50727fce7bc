"""Plays the handoff that the README shows, with the real `hvx` command, and writes down what is seen.

`python -m tests.docs.transcript` prints it anew for the README, from a server of its own.
"""

import re
import subprocess
import tempfile
from pathlib import Path

from tests.commands import Command
from tests.live import LiveServer

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


class Page:
    """What is seen on both devices, in the order in which it is seen."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, device: str, mark: str, text: str) -> None:
        # A line that is empty is the end of one that the user typed.
        self.lines.extend(f"{device:6} {mark} {line}".rstrip() for line in text.splitlines() if line.strip())

    def turn(self) -> None:
        """The eyes go to the other device."""
        self.lines.append("")

    def typed(self, text: str) -> None:
        """The answer to the question on the last line."""
        self.lines[-1] += f" {text}"


class Terminal:
    """One command on one device, from its start to its good end."""

    def __init__(self, page: Page, home: Path, *words: str) -> None:
        self.page = page
        self.device = home.name
        page.note(self.device, "$", " ".join(("hvx", *words)))
        self.command = Command(*words, home=home)
        self._noted = 0

    def read(self, pattern: str) -> str:
        """What the first group of the pattern stands for, once it is seen."""
        found = self.command.hear(pattern)
        self._note(found.end())
        return found[1] if found.re.groups else ""

    def answer(self, text: str) -> None:
        self.page.typed(text)
        self.command.type(text)

    def end(self) -> None:
        assert self.command.end() == 0, self.command.said
        self._note(len(self.command.said))

    def _note(self, end: int) -> None:
        self.page.note(self.device, " ", self.command.said[self._noted : end])
        self._noted = end


def play(origin: str, folder: Path) -> str:
    """The story from registration to verification, as it is seen on both devices."""
    page = Page()
    laptop, phone = folder / "laptop", folder / "phone"
    (folder / "password").write_text("correct horse battery staple\n")
    opened: list[Terminal] = []

    def start(home: Path, *words: str) -> Terminal:
        opened.append(Terminal(page, home, *words))
        return opened[-1]

    try:
        start(
            laptop,
            *("register", "--origin", origin, "--username", "alice", "--email", "alice@example.org"),
            *("--password-file", "password", "--backup", "alice.asc", "--device-name", "laptop"),
        ).end()
        page.turn()
        approve = start(laptop, "approve", "--once")
        approve.read(r"Waiting for a device .*\n")
        page.turn()
        login = start(
            phone,
            *("login", "--origin", origin, "--login", "alice"),
            *("--password-file", "password", "--device-name", "phone"),
        )
        login.read(r"Waiting for one of .*\n")
        page.turn()
        approve.read(r"\[y/N\] ")
        approve.answer("y")
        approve.read(r"Waiting for the new .*\n")
        page.turn()
        code = login.read(r"\n +(\d{6})\n")
        login.read(r"Waiting for the code .*\n")
        page.turn()
        approve.read(r"6 digits\): ")
        approve.answer(code)
        return_code = approve.read(r"\n +(\d{4})\n")
        approve.read(r"Waiting for the new .*\n")
        page.turn()
        login.read(r"4 digits\): ")
        login.answer(return_code)
        login.end()
        page.turn()
        approve.end()
        page.turn()
        start(phone, "verify", "alice").end()
    finally:
        for terminal in opened:
            terminal.command.close()
        for home in (laptop, phone):
            subprocess.run(["gpgconf", "--homedir", str(home / "gnupg"), "--kill", "all"], check=False)
    seen = "\n".join(page.lines)
    return seen.replace(origin, SHOWN_ORIGIN).replace(origin.partition("://")[2], "localhost:8000")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch, LiveServer(Path(scratch)) as server:
        devices = Path(scratch, "d")
        devices.mkdir()
        print(play(server.origin, devices))  # noqa: T201

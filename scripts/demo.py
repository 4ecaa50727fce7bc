"""`make demo`: the whole story against a fresh server, and then a search for the private key.

Everything is real: the server, its sockets, the `hvx` command, GnuPG. It lives in a temporary
folder, on a free loopback port, and leaves nothing behind.
"""

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import redis

from tests.commands import Command, run
from tests.live import LiveServer
from tests.processes import family_of, memory_of
from tests.scenarios.searching import armored_body, dearmored, found_in

PASSWORD = "a password for the demo alone"
MEMORY = "memory of the server, cache included"


class Stage:
    """The two devices of one person, and what the onlooker is told."""

    def __init__(self, folder: Path, server: LiveServer) -> None:
        self.server = server
        self.laptop, self.phone = folder / "laptop", folder / "phone"
        self.backup = folder / "back-up.asc"
        self.password = folder / "password"
        self.password.touch(mode=0o600)
        self.password.write_text(PASSWORD + "\n")
        self._steps = 0
        self._told = threading.Lock()

    def step(self, text: str) -> None:
        """Begin the next scene."""
        self._steps += 1
        print(f"\n{self._steps}. {text}", flush=True)

    def voice(self, who: str) -> Callable[[str], None]:
        """Tells what a device says, line by line, behind its name."""
        rest = ""

        def tell(fresh: str) -> None:
            nonlocal rest
            *lines, rest = (rest + fresh).split("\n")
            with self._told:
                for line in lines:
                    if line.strip():
                        print(f"   {who:6} | {line.rstrip()}", flush=True)

        return tell

    def do(self, home: Path, *arguments: str, expected: int = 0) -> str:
        """One command on one device."""
        print(
            f"   {home.name:6} $ hvx {' '.join(self._shown(argument) for argument in arguments)}", flush=True
        )
        code, said = run(*arguments, home=home, listener=self.voice(home.name))
        if code != expected:
            raise SystemExit(f"hvx {arguments[0]} ended with {code}, not {expected}.")
        return said

    def start(self, home: Path, *arguments: str) -> Command:
        """A command that waits for what the other device does."""
        print(
            f"   {home.name:6} $ hvx {' '.join(self._shown(argument) for argument in arguments)}", flush=True
        )
        return Command(*arguments, home=home, listener=self.voice(home.name))

    def login(self) -> tuple[str, ...]:
        """How the phone logs in."""
        return (
            *("login", "--origin", self.server.url, "--login", "alice"),
            *("--password-file", str(self.password), "--device-name", "phone"),
        )

    def _shown(self, argument: str) -> str:
        return argument.replace(str(self.laptop.parent) + "/", "")


def play(stage: Stage) -> None:
    """The story."""
    stage.step("Alice registers on her laptop. Her account key is made there, and backed up.")
    stage.do(
        stage.laptop,
        *("register", "--origin", stage.server.url, "--username", "alice"),
        *("--email", "alice@example.org", "--password-file", str(stage.password)),
        *("--backup", str(stage.backup), "--device-name", "laptop"),
    )

    stage.step("She logs in on her phone, which asks for the key. On the laptop she declines: nothing moves.")
    with (
        stage.start(stage.phone, *stage.login()) as phone,
        stage.start(stage.laptop, "approve", "--once") as laptop,
    ):
        laptop.hear(r"\[y/N\]")
        laptop.type("n")
        _end(laptop, 10)
        _end(phone, 10)

    stage.step("Again, and with a wrong code: the handoff ends, there is no second try.")
    with (
        stage.start(stage.phone, *stage.login()) as phone,
        stage.start(stage.laptop, "approve", "--once") as laptop,
    ):
        laptop.hear(r"\[y/N\]")
        laptop.type("y")
        code = int(phone.hear(r"\b(\d{6})\b")[1])
        laptop.hear(r"\(6 digits\):")
        laptop.type(f"{(code + 1) % 10**6:06d}")
        _end(laptop, 11)
        _end(phone, 11)

    stage.step("Again: six digits go from the phone to the laptop, four come back. The key is on both.")
    with (
        stage.start(stage.phone, *stage.login()) as phone,
        stage.start(stage.laptop, "approve", "--once") as laptop,
    ):
        laptop.hear(r"\[y/N\]")
        laptop.type("y")
        six = phone.hear(r"\b(\d{6})\b")[1]
        laptop.hear(r"\(6 digits\):")
        laptop.type(six)
        four = laptop.hear(r"new device:\s+(\d{4})\b")[1]
        phone.hear(r"\(4 digits\):")
        phone.type(four)
        _end(phone, 0)
        _end(laptop, 0)

    stage.step("Both devices hold the same key, and anybody can check that the server added none.")
    fingerprints = {
        found[1]
        for home in (stage.laptop, stage.phone)
        if (found := re.search(r"Account key: ([0-9A-F]{40})", stage.do(home, "whoami")))
    }
    if len(fingerprints) != 1:
        raise SystemExit("The devices do not hold the same key.")
    stage.do(stage.phone, "devices")
    stage.do(stage.laptop, "verify", "alice")

    stage.step("The phone logs out, and logs in once more: this time the laptop scans its QR code.")
    stage.do(stage.phone, "logout")
    with stage.start(stage.phone, *stage.login(), "--qr") as phone:
        text = phone.hear(r"(hvx:[A-Za-z0-9_-]{80,})\s")[1]
        with stage.start(stage.laptop, "approve", "--qr", "-") as laptop:
            laptop.hear("Text of the QR code:")
            laptop.type(text)
            laptop.hear(r"\[y/N\]")
            laptop.type("y")
            _end(laptop, 0)
        _end(phone, 0)

    stage.step("The phone is lost: Alice revokes it. From now on the server knows it no more.")
    stage.do(stage.laptop, "revoke", "phone")
    stage.do(stage.phone, "devices", expected=6)
    stage.do(stage.laptop, "verify", "alice")


def search(stage: Stage) -> None:
    """Look for the private key wherever the server could have left it."""
    stage.step("Was the private key ever on the server? A search for it, raw, armored, in hex and in base64:")
    block = stage.backup.read_text()
    needles = {
        "the armored key": block.encode(),
        "its base64": armored_body(block),
        "its packets": dearmored(block),
        **{f"secret number {count}": secret for count, secret in enumerate(_secrets(stage.laptop), 1)},
    }
    if len(needles) < 5:
        raise SystemExit("GnuPG keeps its secrets in a form that this demo does not know.")
    # The search finds the key where it is, so finding nothing elsewhere means something.
    if found_in(block.encode() + dearmored(block), needles) != set(needles):
        raise SystemExit("The search does not even find the key in its back-up.")
    print("   Alice's back-up                          all of it found, as it must be")
    places: dict[str, Callable[[], Iterator[bytes]]] = {
        "data folder": lambda: _contents(stage.server.data_dir),
        "logs": lambda: iter([stage.server.log_path.read_bytes()]),
        MEMORY: lambda: _memory(stage.server),
    }
    if stage.server.redis_url:
        places["Redis"] = lambda: _redis(stage.server.redis_url)
    for name, contents in places.items():
        size, found = 0, set[str]()
        for content in contents():
            size += len(content)
            found |= found_in(content, needles)
        if found:
            raise SystemExit(f"   {name}: FOUND {', '.join(sorted(found))}")
        if not size and name == MEMORY and os.geteuid() != 0:
            print(f"   {name:37} closed to all but root, so not searched", flush=True)
            continue
        if not size:
            raise SystemExit(f"   {name}: could not be searched.")
        print(f"   {name:37} {size / 1e3:9.0f} kB searched, nothing found", flush=True)


def _secrets(home: Path) -> Iterator[bytes]:
    """The secret numbers of the account key, from GnuPG's own files, of either of its formats."""
    for file in sorted((home / "gnupg" / "private-keys-v1.d").iterdir()):
        raw = file.read_bytes()
        for found in re.finditer(rb"1:d(\d+):", raw):
            yield raw[found.end() : found.end() + int(found[1])].lstrip(b"\x00")
        for text in re.findall(rb"\(d\s+#([0-9A-Fa-f\s]+)#\)", raw):
            yield bytes.fromhex(b"".join(text.split()).decode()).lstrip(b"\x00")


def _contents(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.read_bytes()


def _memory(server: LiveServer) -> Iterator[bytes]:
    """What the server's processes have in memory, in pieces that overlap."""
    if server.process is None or os.geteuid() != 0:
        # A server lets itself be read by no other process, but root may read all.
        return
    for process in family_of(server.process.pid):
        yield from memory_of(process)


def _redis(url: str) -> Iterator[bytes]:
    connection = redis.Redis.from_url(url)
    for key in connection.scan_iter():
        yield bytes(key) + (connection.dump(key) or b"")
    yield b"end of Redis"


def _end(command: Command, expected: int) -> None:
    code = command.end()
    if code != expected:
        raise SystemExit(f"A command ended with {code}, not {expected}.")


def main() -> None:
    """Play it all."""
    if shutil.which("gpg") is None:
        raise SystemExit("The demo needs GnuPG: install the package gnupg.")
    os.umask(0o077)
    with tempfile.TemporaryDirectory(prefix="hvx-demo-") as name:
        folder = Path(name)
        with LiveServer(folder / "server", new=True) as server:
            print(f"A fresh server at {server.url}, data in a temporary folder.")
            stage = Stage(folder, server)
            play(stage)
            search(stage)
            server.stop()
    print("\nThe key is on Alice's devices and in her back-up, and nowhere else.")


if __name__ == "__main__":
    main()

"""`hvx access-key` and `hvx --access-key`, with the real command and a real server."""

import json
import resource
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from client.cli.exits import Exit
from client.protocol.access_key import AccessKey
from tests.commands import REPOSITORY, Command, run
from tests.live import LiveServer

pytestmark = pytest.mark.needs("gnupg")

PASSWORD = "correct-horse-planted-battery"
_count = iter(range(10_000))


class Owner:
    """Somebody with a laptop that is registered."""

    def __init__(self, server: LiveServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.home, self.password, self.key = folder / "laptop", folder / "password", folder / "key.json"
        self.username = f"owner{next(_count)}"
        self.password.write_text(PASSWORD + "\n")
        code, said = self.on(
            *("register", "--origin", server.url, "--username", self.username),
            *("--email", f"{self.username}@example.org", "--password-file", str(self.password)),
            *("--backup", str(folder / "backup.asc"), "--device-name", "laptop"),
        )
        assert code == Exit.DONE, said

    def on(self, *arguments: str) -> tuple[int, str]:
        return run(*arguments, home=self.home)

    def new(self, *arguments: str) -> tuple[int, str]:
        return self.on("access-key", "new", "--password-file", str(self.password), *arguments)

    def listed(self) -> str:
        code, said = self.on("access-key", "list")
        assert code == Exit.DONE, said
        return said

    def by_key(self, *arguments: str) -> tuple[int, str]:
        """A command of a program that has nothing but the file: no profile, no device."""
        return run("--access-key", str(self.key), *arguments, home=self.folder / "robot")


@pytest.fixture
def owner(server: LiveServer, tmp_path: Path) -> Owner:
    return Owner(server, tmp_path)


def test_a_key_is_made_used_listed_and_revoked(owner: Owner) -> None:
    code, said = owner.new(
        *("--name", "nightly robot", "--scope", "files:read", "--scope", "files:write"),
        *("--expires", "30", "--save", str(owner.key)),
    )
    assert code == Exit.DONE, said
    assert stat.S_IMODE(owner.key.stat().st_mode) == 0o600
    key = AccessKey.read(owner.key.read_text())
    assert key.scopes == ("files:read", "files:write")
    secret = json.loads(owner.key.read_text())["secret"]
    assert secret not in said

    code, said = owner.by_key("whoami")
    assert code == Exit.DONE, said
    assert key.device in said
    assert "Scopes:      files:read files:write" in said
    assert secret not in said

    code, token = owner.by_key("token")
    assert code == Exit.DONE
    answer = httpx.get(
        f"{owner.server.url}/api/hvx/v1/me",
        headers={"Authorization": f"Bearer {token.strip()}"},
        trust_env=False,
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")

    assert "nightly robot" in owner.listed()
    assert "access_key" in owner.on("devices")[1]
    code, said = owner.on("access-key", "revoke", "nightly robot")
    assert (code, said.strip()) == (Exit.DONE, "Ended the access key nightly robot.")
    assert "nightly robot" not in owner.listed()
    code, said = owner.by_key("token")
    assert (code, said.strip()) == (Exit.DEVICE_REVOKED, "This access key was revoked.")


def test_a_key_is_a_device_that_revoke_ends_without_a_statement(owner: Owner) -> None:
    owner.new("--name", "robot", "--scope", "social:read", "--save", str(owner.key))
    assert owner.on("revoke", "robot")[0] == Exit.DONE
    assert owner.by_key("whoami")[0] == Exit.DEVICE_REVOKED


def test_a_new_password_says_that_access_keys_stay_and_only_where_there_are_any(owner: Owner) -> None:
    changed = owner.folder / "changed"
    passwd = ("passwd", "--password-file", str(owner.password), "--new-password-file", str(changed))
    changed.write_text(f"{PASSWORD}-second\n")
    assert owner.on(*passwd) == (Exit.DONE, "The password is changed.\n")
    owner.password.write_text(changed.read_text())
    owner.new("--name", "robot", "--scope", "files:read", "--save", str(owner.key))
    changed.write_text(f"{PASSWORD}-third\n")
    code, said = owner.on(*passwd)
    assert code == Exit.DONE, said
    assert "Your access keys stay in force; hvx access-key list" in said
    assert "passkeys" not in said
    assert owner.by_key("whoami")[0] == Exit.DONE


def test_a_file_that_is_there_is_not_overwritten_and_no_key_is_made(owner: Owner) -> None:
    owner.key.write_text("something dear")
    code, said = owner.new("--name", "robot", "--scope", "files:read", "--save", str(owner.key))
    assert code == Exit.FAILED
    assert said.strip().endswith("is there already, and is not overwritten.")
    assert owner.key.read_text() == "something dear"
    assert "robot" not in owner.listed()


def test_after_a_refusal_no_file_is_left(owner: Owner) -> None:
    owner.password.write_text("not the password\n")
    code, said = owner.new("--scope", "files:read", "--save", str(owner.key))
    assert (code, said.strip()) == (Exit.SERVER_REFUSED, "The password is wrong.")
    assert not owner.key.exists()


def test_where_the_file_cannot_be_written_the_key_is_ended(owner: Owner) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "client", "--home", str(owner.home), "access-key", "new"),
            *("--name", "lost robot", "--scope", "files:read", "--save", str(owner.key)),
            *("--password-file", str(owner.password)),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        # As a full disk: there is room for a hundred bytes.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (Exit.FAILED, "File too large.")
    assert not owner.key.exists()
    assert "lost robot" not in owner.listed()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "Say where it goes"),
        (("--save", "key.json"), "Say what it may do"),
        (("--save", "key.json", "--scope", "full"), "Say what it may do"),
        (("--qr", "--scope", "files:read"), "A QR code is for a terminal"),
    ],
)
def test_what_is_not_said_is_asked_for_before_anything_else(
    tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    code, said = run("access-key", "new", *arguments, home=tmp_path / "home")
    assert code == Exit.FAILED
    assert said.startswith(why)


def test_a_qr_code_shows_the_document_in_the_terminal(owner: Owner) -> None:
    arguments = ("access-key", "new", "--scope", "files:read", "--qr")
    with Command(*arguments, "--password-file", str(owner.password), home=owner.home, terminal=True) as made:
        made.hear("Whoever scans this holds the access key:")
        made.hear("▄")
        made.hear(r"Made the access key [0-9a-f-]{36}, good until \S+\.")
        assert made.end() == Exit.DONE
    assert "secret" not in made.said


@pytest.mark.parametrize("command", ["devices", "login", "register", "passwd", "logout", "approve"])
def test_all_else_needs_a_device(tmp_path: Path, command: str) -> None:
    code, said = run("--access-key", str(tmp_path / "key.json"), command, home=tmp_path / "home")
    assert code == 2
    assert "whoami and token" in said


def test_without_an_access_key_there_is_no_token_to_print(tmp_path: Path) -> None:
    code, said = run("token", home=tmp_path / "home")
    assert (code, said.strip()) == (
        Exit.FAILED,
        "This is for an access key: hvx --access-key FILE token.",
    )


def test_a_key_that_the_server_does_not_know_is_told(owner: Owner) -> None:
    owner.new("--name", "robot", "--scope", "files:read", "--save", str(owner.key))
    document = json.loads(owner.key.read_text())
    owner.key.write_text(json.dumps(document | {"key_id": "00000000-0000-4000-8000-000000000000"}))
    assert owner.by_key("whoami") == (Exit.SERVER_REFUSED, "The server knows no such access key.\n")

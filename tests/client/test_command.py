"""Whatever happens, a command ends in one sentence and never in a traceback."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from rich.console import Console

from client.cli.context import one_sentence
from client.cli.exits import Exit
from client.cli.options import server_of
from client.cli.terminal import Terminal
from tests.commands import HVX, run


@pytest.mark.parametrize(
    ("home", "why"), [("/dev/null", "File exists"), ("/dev/null/nope", "Not a directory")]
)
def test_a_home_that_can_be_none_is_named(tmp_path: Path, home: str, why: str) -> None:
    for command in (["whoami"], ["login", "--origin", "http://localhost:9", "--login", "a"]):
        password = tmp_path / "password"
        password.write_text("planted-password\n")
        arguments = [*command, "--password-file", str(password)] if command[0] == "login" else command
        code, said = run("--home", home, *arguments, home=tmp_path / "home")
        assert (code, said.strip()) == (Exit.FAILED, f"{home}: {why}.")


def test_an_input_that_is_closed_is_no_answer(tmp_path: Path) -> None:
    line = f"{shlex.join(HVX)} --home {shlex.quote(str(tmp_path / 'home'))} login <&-"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60)
    assert done.returncode == Exit.CANCELLED
    assert (done.stdout.splitlines()[-1], done.stderr) == ("You cancelled.", "")


def test_a_mistake_of_its_own_is_told_by_its_kind_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, one_sentence(Terminal(0, Console(file=sys.stdout))):
        raise KeyError("planted secret")
    assert ended.value.exit_code == Exit.FAILED
    said = capsys.readouterr().out
    assert said.strip() == "hvx failed by a mistake of its own (KeyError)."


@pytest.mark.parametrize("origin", ["example.org", "https://Example.org", "https://example.org//", "ftp://a"])
def test_an_address_that_is_none_is_told_before_a_password_is_asked(tmp_path: Path, origin: str) -> None:
    for command in ("login", "register"):
        code, said = run(command, "--origin", origin, home=tmp_path / "home")
        assert code == Exit.FAILED
        assert said.startswith("That is no server's address: it is like https://example.org")


@pytest.mark.parametrize("username", ["Alice", "a-b", "a" * 31])
def test_a_username_that_can_be_none_is_told_before_a_password_is_asked(
    tmp_path: Path, username: str
) -> None:
    arguments = ("register", "--origin", "http://localhost:9", "--username", username)
    code, said = run(*arguments, home=tmp_path / "home")
    assert code == Exit.FAILED
    assert said.strip() == "That is no username: it is 1 to 30 of a-z, 0-9 and _."


def test_a_slash_at_the_end_of_an_address_does_no_harm() -> None:
    assert server_of("https://example.org/") == "https://example.org"

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

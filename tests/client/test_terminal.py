"""Typed lines, from pipes and files; every ending has a sentence of its own and a documented code."""

import asyncio
import io
import os
import pty
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from client.cli.exits import MEANINGS, Exit, ending_of, ending_of_fault
from client.cli.people import PersonAtExistingDevice
from client.cli.terminal import Terminal
from client.faults import ApiError, Fault, NoAnswer
from client.handoff import Withheld
from client.protocol.reasons import Reason
from tests.client.pair import NOW, Pair, sent

REPOSITORY = Path(__file__).resolve().parent.parent.parent


class Keyboard:
    """A pipe to type into, and what the terminal showed."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.shown = io.StringIO()
        self.terminal = Terminal(self.reading, Console(file=self.shown, width=200))

    def type(self, text: str) -> None:
        os.write(self.writing, text.encode())

    def leave(self) -> None:
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1


@pytest.fixture
def keyboard() -> Iterator[Keyboard]:
    keyboard = Keyboard()
    yield keyboard
    keyboard.leave()
    os.close(keyboard.reading)


async def test_the_end_of_the_input_is_no_answer(keyboard: Keyboard) -> None:
    keyboard.leave()
    with pytest.raises(Withheld):
        await keyboard.terminal.ask_meanwhile("Code:")
    with pytest.raises(Withheld):
        keyboard.terminal.ask("Code:")


async def test_no_line_is_lost_between_questions_of_either_kind(keyboard: Keyboard) -> None:
    keyboard.type("one\ntwo\r\nthree\nfour")
    keyboard.leave()
    terminal = keyboard.terminal
    assert terminal.ask("First?") == "one"
    assert await terminal.ask_meanwhile("Second?") == "two"
    assert terminal.ask_secret("Third?") == "three"
    assert await terminal.ask_meanwhile("Fourth?") == "four"
    assert "three" not in keyboard.shown.getvalue()


async def test_at_a_terminal_what_was_typed_before_the_question_is_no_answer_to_it() -> None:
    theirs, ours = pty.openpty()
    try:
        terminal = Terminal(ours, Console(file=io.StringIO()))
        os.write(theirs, b"first\ny\nhalf a li")
        # Both what the system still holds and what was read along with an earlier answer.
        assert terminal.ask("First?") == "first"
        terminal._typed += b"y\n"
        asking = asyncio.create_task(terminal.ask_meanwhile("Agree?"))
        await asyncio.sleep(0)
        os.write(theirs, b"n\n")
        assert await asking == "n"
    finally:
        os.close(theirs)
        os.close(ours)


async def test_a_question_that_is_withdrawn_takes_no_line(keyboard: Keyboard) -> None:
    asking = asyncio.create_task(keyboard.terminal.ask_meanwhile("Code:"))
    await asyncio.sleep(0)
    assert "Code:" in keyboard.shown.getvalue()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    keyboard.type("for the next\n")
    assert await keyboard.terminal.ask_meanwhile("Again:") == "for the next"


async def test_a_plain_file_can_be_typed_from(tmp_path: Path) -> None:
    file = tmp_path / "typed"
    file.write_text("y\n123456\n")
    descriptor = os.open(file, os.O_RDONLY)
    try:
        terminal = Terminal(descriptor, Console(file=io.StringIO()))
        assert await terminal.ask_meanwhile("Agree?") == "y"
        assert await terminal.ask_meanwhile("Code?") == "123456"
    finally:
        os.close(descriptor)


def test_what_is_said_is_shown_as_it_is(keyboard: Keyboard) -> None:
    keyboard.terminal.say("[bold red]not markup[/] :smile: 2 + 2")
    assert keyboard.shown.getvalue() == "[bold red]not markup[/] :smile: 2 + 2\n"


async def test_a_name_from_the_server_cannot_play_with_the_terminal(keyboard: Keyboard) -> None:
    pair = Pair()
    [request] = sent(pair.new_side().begin(NOW))
    offer = pair.offer(request)
    hostile = type(offer)(offer.request, offer.sender, "x\x1b[2J\ny\u202e[red]", "\x9b", offer.expires_at, "")
    keyboard.type("y\n")
    assert await PersonAtExistingDevice(keyboard.terminal, "alice@example.org").agree(hostile, by_qr=False)
    told = keyboard.shown.getvalue()
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "calls itself: x�[2J�y�[red] (�)" in told


@pytest.mark.parametrize("by", ["self", "peer", "server"])
@pytest.mark.parametrize("reason", list(Reason))
def test_every_end_of_a_handoff_is_one_sentence_and_an_exit_code_that_is_not_success(
    reason: Reason, by: str
) -> None:
    ending = ending_of(reason, by)
    assert ending.exit_code is not Exit.DONE
    assert re.fullmatch(r"[A-Z][^\n]+\.", ending.sentence)


def test_faults_have_their_codes() -> None:
    assert ending_of_fault(ApiError(401, "device_revoked")).exit_code is Exit.DEVICE_REVOKED
    assert ending_of_fault(ApiError(429, "rate_limited", "", "30")).sentence.endswith("for 30 seconds.")
    assert ending_of_fault(ApiError(409, "last_device")).exit_code is Exit.SERVER_REFUSED
    assert ending_of_fault(NoAnswer("Nobody there.")).exit_code is Exit.NO_ANSWER
    assert ending_of_fault(Fault("Odd.")).exit_code is Exit.FAILED


def test_every_exit_code_is_documented() -> None:
    page = (REPOSITORY / "docs" / "client.md").read_text()
    documented = dict(re.findall(r"^\| (\d+) \| (.+?) \|$", page, re.MULTILINE))
    assert documented == {
        **{str(int(code)): text for code, text in MEANINGS.items()},
        "2": "wrong command line",
    }
    assert set(MEANINGS) == set(Exit)

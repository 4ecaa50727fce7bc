"""The persons before the two devices, as a terminal knows them."""

from client.cli.terminal import Terminal
from client.protocol.frames import Offer
from client.text import clean


class PersonAtNewDevice:
    """Shows six digits, asks for four."""

    def __init__(self, terminal: Terminal, account: str) -> None:
        self._terminal = terminal
        self._account = account

    async def show_code(self, code: str) -> None:
        self._terminal.say(f"Account {self._account}")
        self._terminal.say("Type this code on your other device:")
        self._terminal.say(f"    {code}", style="bold")
        self._terminal.wait_for("Waiting for the code to be typed there ...")

    async def ask_return_code(self) -> str:
        return await _digits(self._terminal, "Return code that your other device shows (4 digits):", 4)


class PersonAtExistingDevice:
    """Says yes or no, types six digits, reads four."""

    def __init__(self, terminal: Terminal, account: str) -> None:
        self._terminal = terminal
        self._account = account

    async def agree(self, offer: Offer, by_qr: bool) -> bool:
        terminal = self._terminal
        if by_qr:
            question = f"Hand the key of {self._account} to the device in your hand? [y/N]"
        else:
            terminal.say(f"A new device asks for the key of {self._account}.")
            terminal.say(f"It calls itself: {clean(offer.name, 40)} ({clean(offer.platform, 40)})")
            terminal.say(f"Its device hash: {offer.request.device}")
            question = "Did you start this yourself, on a device that is before you? [y/N]"
        answer = await terminal.ask_meanwhile(question)
        agreed = answer.strip().lower() in ("y", "yes")
        if agreed:
            terminal.wait_for("Waiting for the new device to answer ...")
        return agreed

    async def ask_code(self) -> str:
        return await _digits(self._terminal, "Code that the new device shows (6 digits):", 6)

    async def show_return_code(self, code: str) -> None:
        self._terminal.say("The key is on its way. Type this return code on the new device:")
        self._terminal.say(f"    {code}", style="bold")
        self._terminal.wait_for("Waiting for the new device to confirm ...")


async def _digits(terminal: Terminal, question: str, count: int) -> str:
    while True:
        typed = (await terminal.ask_meanwhile(question)).replace(" ", "")
        # A slip of the finger that is no code at all costs no attempt.
        if len(typed) == count and typed.isascii() and typed.isdigit():
            return typed
        terminal.say(f"That is not {count} digits.")

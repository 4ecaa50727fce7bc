"""`hvx login` and `hvx approve`: the two ends of a handoff."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import segno
import typer

from client.approval import consider
from client.backup import read_back_up
from client.cli.context import Context, one_sentence
from client.cli.exits import Ending, Exit, ending_of
from client.cli.options import DeviceName, KeyStore, Origin, PasswordFile, default_device_name, server_of
from client.cli.people import PersonAtExistingDevice, PersonAtNewDevice
from client.cli.terminal import Terminal
from client.device import ThisDevice
from client.endings import ListedDevice, find_device
from client.faults import ApiError, Fault, NoAnswer
from client.handoff import ExistingHandoff, Heard, Line, NewHandoff, Offers, Outcome, next_offer
from client.login import AskedDevice, Login, activate, adopt, ask_for_key, log_in, take_back_up
from client.profile import ProfileFolder
from client.protocol.effects import Ended
from client.protocol.existing_device import ExistingDevice
from client.protocol.qr import QRCode
from client.protocol.reasons import Reason
from client.registration import require_secret
from client.socket import Socket


def login(
    ctx: typer.Context,
    origin: Origin = None,
    name: Annotated[str | None, typer.Option("--login", "-l", help="Username or e-mail address.")] = None,
    password_file: PasswordFile = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Ask this device only: its name or the start of its hash.")
    ] = None,
    qr: Annotated[bool, typer.Option("--qr", help="Show a QR code for the other device to scan.")] = False,
    backup: Annotated[
        Path | None, typer.Option("--backup", help="Take the account key from this back-up instead.")
    ] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="Holds the back-up's passphrase.")] = None,
    device_name: DeviceName = None,
    keyring: KeyStore = False,
) -> None:
    """Log in on this device, and get the account key from another device or a back-up."""
    context: Context = ctx.obj
    terminal = context.terminal
    with one_sentence(terminal):
        server = server_of(origin or terminal.ask("Server (https://...):"))
        wanted = Login(
            origin=server,
            login=name or terminal.ask("Username or e-mail address:"),
            password=context.password(password_file),
            device_name=device_name or default_device_name(),
            key_store="keyring" if keyring else "file",
        )
        folder = ProfileFolder(context.home)
        with folder.alone():
            device, asked = log_in(wanted, folder, context.gnupg_home)
            try:
                _finish_login(context, device, asked, to, qr, backup, passphrase_file)
            finally:
                device.close()
        terminal.say(f"Logged in as {device.profile.account}; the account key is on this device.")


def _finish_login(
    context: Context,
    device: ThisDevice,
    asked: list[AskedDevice],
    to: str | None,
    qr: bool,
    backup: Path | None,
    passphrase_file: Path | None,
) -> None:
    if device.profile.state == "active":
        if not device.has_account_key():
            raise Fault("This device is active, but the account key is not here; import your back-up.")
        require_secret(device)
        return
    if backup is not None:
        take_back_up(device, read_back_up(backup, lambda: context.password(passphrase_file, "Passphrase:")))
    elif not device.has_account_key():
        named = _named(asked, to)
        outcome = asyncio.run(_receive_key(context, device, named, qr))
        if isinstance(outcome, Ended):
            raise ending_of(outcome.reason, outcome.by)
    activate(device)
    require_secret(device)


async def _receive_key(context: Context, device: ThisDevice, to: AskedDevice | None, qr: bool) -> Outcome:
    terminal = context.terminal
    side = await asyncio.to_thread(lambda: ask_for_key(device, to.device if to else None, qr=qr))
    if side.qr is not None:
        _show_qr(context, side.qr)
    async with _fixed_words(), Socket(device.identity, device) as socket:
        person = PersonAtNewDevice(terminal, device.profile.account)
        handoff = NewHandoff(side, socket, person, lambda keys: adopt(device, keys))
        terminal.wait_for(f"Waiting for {_whom(to)} to accept: run hvx approve there (two minutes) ...")
        return await handoff.begin()


def _whom(to: AskedDevice | None) -> str:
    return "one of your devices" if to is None else f"the device {to.name}"


def _named(asked: list[AskedDevice], to: str | None) -> AskedDevice | None:
    if not asked:
        raise Fault("No device of the account is active; log in with --backup FILE.")
    if to is None:
        return None
    rows = [
        ListedDevice(one.device, "device", one.name, one.platform, "", "active", one.online, False)
        for one in asked
    ]
    found = find_device(rows, to)
    return next(one for one in asked if one.device == found.device)


def _show_qr(context: Context, code: QRCode) -> None:
    context.terminal.say("Scan this with your other device, or give its text there to: hvx approve --qr -")
    if context.terminal.console.is_terminal:
        drawn = io.StringIO()
        segno.make(code.text(), error="l").terminal(out=drawn, compact=True, border=2)
        context.terminal.console.file.write(drawn.getvalue())
    context.terminal.say(code.text())


def approve(
    ctx: typer.Context,
    qr: Annotated[
        str | None,
        typer.Option("--qr", help="The text of the QR code that the new device shows; - asks for it."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End after one request.")] = False,
) -> None:
    """Wait for a new device that asks for the account key, and hand it over."""
    context: Context = ctx.obj
    with one_sentence(context.terminal):
        code = None if qr is None else _scanned(context, qr)
        with context.device() as device, device.folder.alone():
            if code is not None and code.origin != device.profile.origin:
                raise ending_of(Reason.WRONG_QR, "self")
            device.check_key_can_be_handed_on()
            under_way = _UnderWay()
            with under_way.told():
                asyncio.run(_give_key(context, device, code, under_way, once=once or code is not None))


def _scanned(context: Context, text: str) -> QRCode:
    try:
        return QRCode.read(context.terminal.ask("Text of the QR code:") if text == "-" else text)
    except ValueError as fault:
        raise Fault("That is no code of hvx.") from fault


@dataclass(slots=True)
class _UnderWay:
    """The exchange that is under way, if one is."""

    side: ExistingDevice | None = None

    @contextmanager
    def told(self) -> Iterator[None]:
        """However it is cut short, the user learns whether the key went out."""
        try:
            yield
        except BaseException as fault:
            if self.side is not None and self.side.delivered:
                raise _unconfirmed() from fault
            raise


async def _give_key(
    context: Context, device: ThisDevice, code: QRCode | None, under_way: _UnderWay, *, once: bool
) -> None:
    terminal = context.terminal
    person = PersonAtExistingDevice(terminal, device.profile.account)
    offers: Offers = {}
    async with _fixed_words(), Socket(device.identity, device) as socket:
        waiting = _Waiting(socket, terminal, device.profile.account)
        while True:
            offer, received = await next_offer(waiting.begin(), offers)
            if code is not None and offer.request.exchange != code.exchange:
                continue
            side = under_way.side = consider(device, offer, received)
            handoff = ExistingHandoff(side, socket, person, device.account_key, qr=code)
            handoff.offers = offers
            ending = _ending(await handoff.begin(), delivered=side.delivered)
            under_way.side = None
            if ending is None:
                continue
            if once:
                raise ending
            terminal.say(ending.sentence, style=None if ending.exit_code is Exit.DONE else "red")


class _Waiting:
    """The line while no exchange runs: then there is time for a server to come back."""

    def __init__(self, line: Line, terminal: Terminal, account: str) -> None:
        self._line = line
        self._terminal = terminal
        self._said = f"Waiting for a device that asks for the key of {account} ..."

    def begin(self) -> Self:
        self._terminal.wait_for(self._said)
        return self

    async def next(self) -> Heard:
        lost = False
        while True:
            try:
                heard = await self._line.next()
            except NoAnswer:
                if not lost:
                    self._terminal.wait_for("The server does not answer; trying again ...")
                lost = True
                continue
            if lost:
                self.begin()
            return heard

    async def send(self, text: str) -> None:
        await self._line.send(text)


@asynccontextmanager
async def _fixed_words() -> AsyncIterator[None]:
    """While codes are on a screen somewhere, no refusal's text of the server's is shown."""
    try:
        yield
    except ApiError as error:
        if error.code == "device_revoked":
            raise
        raise Ending(
            Exit.SERVER_REFUSED, "The server lets this device in no longer; the handoff has ended."
        ) from error


def _ending(outcome: Outcome, *, delivered: bool) -> Ending | None:
    """How one offer ended; None for one that was dealt with before and is repeated."""
    if not isinstance(outcome, Ended):
        return Ending(Exit.DONE, "The new device has the account key.")
    if outcome.reason is Reason.USED_EXCHANGE:
        return None
    # That the key was not taken, the new device alone can say.
    unknown = outcome.by != "peer" or outcome.reason in (Reason.EXPIRED, Reason.USER, Reason.WITHDRAWN)
    if delivered and unknown:
        return _unconfirmed()
    return ending_of(outcome.reason, outcome.by)


def _unconfirmed() -> Ending:
    return Ending(
        Exit.UNCONFIRMED,
        "The key was handed over, but the new device did not confirm it. See hvx devices; revoke the "
        "device if it was not yours.",
    )

"""An attack is a relay that departs from its duty in one place. The base class keeps to its duty."""

import json
from collections import Counter
from typing import Any, ClassVar

from client.protocol import frames
from client.protocol.delivery import AccountKey
from client.protocol.encoding import DeviceHash
from client.protocol.frames import Accept, Cancel, Frame, Relay, Request, Reveal, Sealed
from client.protocol.published import Published
from client.protocol.reading import read
from client.protocol.reasons import Reason
from tests.hostile.world import Role, Stage, World, other

BOTH: frozenset[Role] = frozenset({"new", "existing"})

NO_SERVER_TEXT = "no_server_text"
"""The one rule that is no method of a side: nothing that the server or the peer says is shown."""


class AttackFailed(Exception):
    """The attack itself came to nothing, whatever the client would have done."""


class Attack:
    """A relay between two real devices, or between one and a device that the server plays.

    `name` is what the tables call it, the docstring's first line its story. `victim` is the
    device whose `check`, a method of `client.protocol`'s sides, alone keeps the attack out; the
    victim ends its exchange with `ending`, after `rounds` exchanges. `needs` are the real devices.
    """

    name: ClassVar[str]
    victim: ClassVar[Role]
    check: ClassVar[str]
    ending: ClassVar[Reason]
    needs: ClassVar[frozenset[Role]] = BOTH
    by_qr: ClassVar[bool] = False
    rounds: ClassVar[int] = 1

    def __init__(self, world: World, stage: Stage) -> None:
        self.world = world
        self.stage = stage
        self.reached: str | None = None
        self.loot: list[AccountKey] = []
        self.to: DeviceHash | None = None
        self._sent: Counter[tuple[Role, str]] = Counter()

    @classmethod
    def story(cls) -> str:
        """One line of what the server does."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    # Before the exchange

    def prepare(self) -> None:
        """Make what is needed. A real existing device is known by now, a new one is not."""

    def published(self) -> Published:
        """What the new device is told of the account."""
        assert self.world.truth is not None
        return self.world.truth

    def begin(self) -> None:
        """The devices are there. Called again for each further round."""

    # What happens

    def heard(self, role: Role, text: str) -> None:
        """A device sent this."""
        match _frame(text):
            case Request() as request:
                self.on_request(request)
            case Accept() as accept:
                self.on_accept(accept)
            case Reveal() as reveal:
                self.on_reveal(reveal)
            case Sealed(kind="prove") as sealed:
                self.on_prove(sealed)
            case Sealed(kind="deliver") as sealed:
                self.on_deliver(sealed)
            case Sealed() as sealed:
                self.on_ack(sealed)
            case Cancel() as cancel:
                self.on_cancel(role, cancel)

    def on_request(self, request: Request) -> None:
        """The new device asks."""
        self.offer(request)

    def on_accept(self, accept: Accept) -> None:
        """The existing device's user agreed."""
        self.relay("new", accept)

    def on_reveal(self, reveal: Reveal) -> None:
        """The new device opens its commitment."""
        self.relay("existing", reveal)

    def on_prove(self, sealed: Sealed) -> None:
        """The new device proves which device it is."""
        self.relay("existing", sealed)

    def on_deliver(self, sealed: Sealed) -> None:
        """The existing device hands the key over."""
        self.relay("new", sealed)

    def on_ack(self, sealed: Sealed) -> None:
        """The new device has the key."""
        self.relay("existing", sealed)

    def on_cancel(self, role: Role, cancel: Cancel) -> None:
        """A device ends the exchange."""
        if other(role) in self.needs:
            self.relay(other(role), cancel)

    def shown(self, role: Role, digits: str) -> None:
        """A device shows digits: the obliging user types them on the other one."""
        self.stage.type(other(role), digits)

    def pretend(self, role: Role, digits: str) -> None:
        """A device that the server plays shows digits; the user takes it for a real one."""
        self.shown(role, digits)

    def shown_qr(self, text: str) -> None:
        """The new device shows a QR code: the user scans it."""
        self.stage.scan(text)

    def asked(self, role: Role) -> None:
        """A device shows an entry field for digits."""

    def seen(self, role: Role, text: str) -> None:
        """A device's user reads this."""

    def done(self, role: Role) -> None:
        """A device says that the key is on both."""

    def adopted(self, fingerprint: str) -> None:
        """The new device stored a private key."""
        self.win("the new device stored a private key")

    # What it does

    def win(self, what: str) -> None:
        """The goal of the attack is reached."""
        self.reached = self.reached or what

    def offer(self, request: Request, *, sender: str | None = None) -> None:
        """Pass a request on to the existing device."""
        self.say(
            "existing",
            {
                "type": "offer",
                "exchange": request.exchange,
                "from": sender or request.device,
                "name": "second device",
                "platform": "Linux",
                "expires_at": "2100-01-01T00:00:00Z",
                "frame": body_of(request),
            },
        )

    def relay(self, role: Role, frame: Frame, /, **lies: Any) -> None:
        """Pass a frame on; `lies` replace what the server says around it."""
        self.say(role, self.envelope(role, frame) | lies)

    def envelope(self, role: Role, frame: Frame) -> dict[str, Any]:
        """A frame in what an honest server puts around it."""
        self._sent[role, frame.exchange] += 1
        return {
            "type": "relay",
            "exchange": frame.exchange,
            "seq": self._sent[role, frame.exchange],
            "from": self.sender_to(role),
            "frame": body_of(frame),
        }

    def sender_to(self, role: Role) -> str:
        """The device from which frames to `role` come."""
        return self.world.devices[other(role)].device

    def say(self, role: Role, body: dict[str, Any]) -> None:
        """A frame of the server."""
        self.stage.tell(role, json.dumps(body))


class Honest(Attack):
    """No attack: the server relays as it should, and the key arrives."""

    name = "none"

    def adopted(self, fingerprint: str) -> None:
        pass


class HonestByQR(Honest):
    """No attack, by QR code: the server relays as it should, and the key arrives."""

    name = "none_by_qr"
    by_qr = True


CONTROLS: tuple[type[Honest], ...] = (Honest, HonestByQR)


def body_of(frame: Frame) -> dict[str, Any]:
    """The JSON object of a frame."""
    body: dict[str, Any] = json.loads(frames.write(frame))
    return body


def half_of(body: dict[str, Any]) -> str:
    """The beginning of a frame's text."""
    text = json.dumps(body)
    return text[: len(text) // 2]


def _frame(text: str) -> Frame | None:
    body = json.loads(text)
    around = {"type": "relay", "exchange": body["exchange"], "seq": 1, "from": "", "frame": body}
    relay = read(json.dumps(around))
    return relay.frame if isinstance(relay, Relay) else None

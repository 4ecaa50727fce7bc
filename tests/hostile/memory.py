"""The stage in memory: the client's two sides as pure machines, with neither sockets nor GnuPG."""

from collections import deque
from collections.abc import Callable
from functools import partial

from client.protocol.attempts import RememberedAttempts
from client.protocol.delivery import AccountKey
from client.protocol.effects import (
    Adopt,
    AskCode,
    AskReturnCode,
    Done,
    Effect,
    Ended,
    HandOver,
    Send,
    ShowCode,
    ShowReturnCode,
)
from client.protocol.existing_device import ExistingDevice
from client.protocol.frames import Message, Offer
from client.protocol.new_device import NewDevice
from client.protocol.published import PublishedDevice
from client.protocol.qr import SECRET_LENGTH, QRCode
from client.protocol.reading import read
from client.protocol.reasons import Refused
from client.protocol.side import Identity, Side
from tests.hostile.attack import NO_SERVER_TEXT, Attack
from tests.hostile.careless import without
from tests.hostile.keyring import Keyring
from tests.hostile.outcome import DONE, Outcome
from tests.hostile.world import Puppet, Role, World, publish, seeded

ORIGIN = "https://hostile.example"
NOON = 1_800_000_000.0
MOST_STEPS = 2_000


class Device:
    """A real device: what it remembers from one exchange to the next, and its exchange of the moment."""

    def __init__(self, stage: "MemoryStage", role: Role, lacks: str | None) -> None:
        self.stage = stage
        self.role: Role = role
        self.lacks = lacks
        self.puppet = Puppet.of(stage.world)
        self.attempts = RememberedAttempts()
        self.now = NOON
        self.typed: list[str] = []
        self.asks = False
        self.side: Side | None = None

    @property
    def identity(self) -> Identity:
        """The device as its own profile knows it."""
        mine, world = self.puppet, self.stage.world
        return Identity(world.origin, world.account, mine.device, mine.challenge, mine.device_key)

    def hear(self, text: str) -> None:
        """A text came by the socket."""
        if self.lacks == NO_SERVER_TEXT:
            self.stage.attack.seen(self.role, text)
        self.take(_read(text))

    def take(self, message: Message | Refused | None) -> None:
        """What it meant goes to the exchange of the moment."""
        if self.side is not None and message is not None:
            self.perform(self.side.receive(message, self.now))

    def perform(self, effects: list[Effect]) -> None:
        """Do what the exchange wants done."""
        for effect in effects:
            self.stage.attack.seen(self.role, repr(effect))
            match effect:
                case Send(text):
                    self.stage.later(partial(self.stage.attack.heard, self.role, text))
                case ShowCode(digits) | ShowReturnCode(digits):
                    self.stage.attack.shown(self.role, digits)
                case AskCode() | AskReturnCode():
                    self.asks = True
                    self.stage.attack.asked(self.role)
                case Done():
                    self.end(DONE)
                case Ended(reason):
                    self.end(str(reason))
                case _:
                    self.serve(effect)

    def serve(self, effect: Effect) -> None:
        """What only this role does."""
        raise NotImplementedError

    def answer(self) -> bool:
        """The user types, if there are digits to type and a field to type them into."""
        if not (self.asks and self.typed and self.side is not None and not self.side.over):
            return False
        self.asks = False
        self.perform(self.enter(self.typed.pop(0)))
        return True

    def enter(self, digits: str) -> list[Effect]:
        """The field was filled."""
        raise NotImplementedError

    def end(self, ending: str) -> None:
        """The exchange of the moment is over."""
        self.side = None
        self.asks = False
        self.typed.clear()
        self.stage.ended(self.role, ending)
        if ending == DONE:
            self.stage.attack.done(self.role)


class NewOne(Device):
    """The new device, whose user starts again for each round."""

    def start(self) -> None:
        """Its user asks for the key."""
        world, attack = self.stage.world, self.stage.attack
        side = NewDevice(
            self.identity,
            exchange=world.exchange(),
            ephemeral_key=Puppet.of(world).ephemeral_key,
            nonce=world.dice(32),
            attempts=self.attempts,
            openpgp=self.stage.openpgp,
            published=attack.published(),
            to=attack.to,
            qr_secret=world.dice(SECRET_LENGTH) if attack.by_qr else None,
        )
        self.side = without(side, self.lacks)
        effects = side.begin(self.now)
        self.perform(effects)
        if side.qr is not None:
            attack.shown_qr(side.qr.text())

    def serve(self, effect: Effect) -> None:
        assert isinstance(effect, Adopt)
        self.stage.held.append(effect.fingerprint)
        self.stage.attack.adopted(effect.fingerprint)

    def enter(self, digits: str) -> list[Effect]:
        assert isinstance(self.side, NewDevice)
        return self.side.enter_return_code(digits, self.now)


class ExistingOne(Device):
    """The existing device, whose user agrees to everything."""

    def __init__(self, stage: "MemoryStage", lacks: str | None) -> None:
        super().__init__(stage, "existing", lacks)
        self.key = stage.world.key()
        self.certificate = self.puppet.certified(stage.world, self.key).certificate or ""
        self.waiting: deque[Offer] = deque()
        self.qr: QRCode | None = None

    def take(self, message: Message | Refused | None) -> None:
        if isinstance(message, Offer) and (
            self.side is None or message.request.exchange != self.side.exchange
        ):
            self.waiting.append(message)
        else:
            super().take(message)

    def start(self) -> bool:
        """Its user turns to the next offer, by QR only to the scanned one."""
        if self.side is not None or not self.waiting or (self.stage.attack.by_qr and self.qr is None):
            return False
        world = self.stage.world
        side = ExistingDevice(
            self.identity,
            self.waiting.popleft(),
            received=self.now,
            ephemeral_key=Puppet.of(world).ephemeral_key,
            nonce=world.dice(32),
            certificate=self.certificate,
            attempts=self.attempts,
        )
        self.side = without(side, self.lacks)
        effects = side.examine(self.now)
        self.perform(effects or side.accept(self.now, self.qr))
        return True

    def serve(self, effect: Effect) -> None:
        assert isinstance(effect, HandOver)
        assert isinstance(self.side, ExistingDevice)
        self.perform(self.side.deliver(AccountKey(self.key.fingerprint, self.key.secret), self.now))

    def enter(self, digits: str) -> list[Effect]:
        assert isinstance(self.side, ExistingDevice)
        return self.side.enter_code(digits, self.now)


class MemoryStage:
    """Plays one attack to its end. `lacks` is the check that the devices do without."""

    def __init__(self, attack: type[Attack], *, lacks: str | None = None, seed: str = "") -> None:
        self.openpgp = Keyring()
        self.world = World(ORIGIN, seeded(seed or attack.name), self.openpgp.make)
        self.attack = attack(self.world, self)
        self.held: list[str] = []
        self.outcome = Outcome(self.attack, held=self.held)
        self._due: deque[Callable[[], None]] = deque()
        self.existing = ExistingOne(self, lacks) if "existing" in attack.needs else None
        self.new = NewOne(self, "new", lacks) if "new" in attack.needs else None

    def play(self) -> Outcome:
        """From the first frame until nothing more happens."""
        if self.existing is not None:
            mine = self.existing.puppet.certified(self.world, self.existing.key)
            self.world.truth = publish(self.existing.key, mine)
            self.world.devices["existing"] = mine
        self.attack.prepare()
        if self.new is not None:
            mine = PublishedDevice(
                self.new.puppet.device, self.new.puppet.public_key, self.new.puppet.challenge
            )
            self.world.devices["new"] = mine
        self._begin()
        for _ in range(MOST_STEPS):
            if not self._step():
                return self.outcome
        raise AssertionError("this does not end")

    # What an attack may ask for

    def tell(self, role: Role, text: str) -> None:
        device = self._device(role)
        if device is not None:
            self.later(partial(device.hear, text))

    def type(self, role: Role, digits: str) -> None:
        device = self._device(role)
        if device is not None:
            device.typed.append(digits)

    def scan(self, text: str) -> None:
        if self.existing is not None:
            self.existing.qr = QRCode.read(text)

    def advance(self, role: Role, seconds: float) -> None:
        device = self._device(role)
        if device is not None:
            device.now += seconds

    # What devices tell

    def later(self, act: Callable[[], None]) -> None:
        """Do this in its turn."""
        self._due.append(act)

    def ended(self, role: Role, ending: str) -> None:
        """An exchange is over; after the victim's, the next round begins."""
        self.outcome.endings[role].append(ending)
        rounds = self.attack.rounds
        if rounds > 1 and role == self.attack.victim and len(self.outcome.endings[role]) < rounds:
            self.later(self._begin)

    def _begin(self) -> None:
        self.attack.begin()
        if self.new is not None:
            self.new.start()

    def _step(self) -> bool:
        if self._due:
            self._due.popleft()()
            return True
        if self.existing is not None and (self.existing.start() or self.existing.answer()):
            return True
        return self.new is not None and self.new.answer()

    def _device(self, role: Role) -> Device | None:
        return self.new if role == "new" else self.existing


def _read(text: str) -> Message | Refused | None:
    try:
        return read(text)
    except Refused as refused:
        return refused

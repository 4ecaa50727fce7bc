"""Two devices of one account and a relay between them, without network, clock, chance or GnuPG."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from client.protocol.attempts import RememberedAttempts
from client.protocol.delivery import AccountKey
from client.protocol.device_hash import device_hash
from client.protocol.effects import Effect, Send
from client.protocol.existing_device import ExistingDevice
from client.protocol.frames import Message, Offer
from client.protocol.new_device import NewDevice
from client.protocol.openpgp import ExaminedKey
from client.protocol.published import Published, PublishedDevice
from client.protocol.reading import read
from client.protocol.reasons import Reason, Refused
from client.protocol.side import Identity
from client.protocol.statements import DeviceStatement

ORIGIN = "https://example.org"
ACCOUNT = "alice@example.org"
NOW = 1_800_000_000.0
EXCHANGE = "6f1c2b3a-0000-4000-8000-00000000beef"


def seed(label: str, length: int = 32) -> bytes:
    """Bytes that are the same in every run, one string of them for each label."""
    return hashlib.shake_256(label.encode()).digest(length)


def device_key(label: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed(f"device key {label}"))


def ephemeral_key(label: str) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(seed(f"ephemeral key {label}"))


def identity(label: str, account: str = ACCOUNT, origin: str = ORIGIN) -> Identity:
    key = device_key(label)
    challenge = seed(f"challenge {label}")
    device = device_hash(account, key.public_key().public_bytes_raw(), challenge)
    return Identity(origin, account, device, challenge, key)


def published_device(who: Identity) -> PublishedDevice:
    return PublishedDevice(who.device, who.public_key, who.challenge, certificate="published with the server")


@dataclass(frozen=True)
class PaperKey:
    """An account key for tests of rules: `paper:<fingerprint>`, whose signature over a text is a digest."""

    fingerprint: str
    works: bool = True

    @property
    def private_key(self) -> str:
        return f"paper:{self.fingerprint}:{'works' if self.works else 'broken'}"

    def sign(self, text: bytes) -> str:
        return hashlib.sha256(self.fingerprint.encode() + text).hexdigest()

    def verifies(self, text: bytes, signature: str, *, alone: bool = True) -> bool:
        own = self.sign(text)
        return signature == own if alone else own in signature.split()

    def every_secret_key_works(self) -> bool:
        return self.works


class PaperOpenPGP:
    """Reads such keys."""

    @contextmanager
    def examine(self, private_key: str) -> Iterator[ExaminedKey]:
        match private_key.split(":"):
            case ["paper", fingerprint, state]:
                yield PaperKey(fingerprint, state == "works")
            case _:
                raise Refused(Reason.BAD_KEY, "no key")


ACCOUNT_KEY = PaperKey("AB" * 20)


def certificate(who: Identity, key: PaperKey = ACCOUNT_KEY) -> str:
    text = DeviceStatement(
        who.origin, who.account, key.fingerprint, who.device, who.public_key, who.challenge
    ).certificate()
    return key.sign(text)


@dataclass
class Pair:
    """A new and an existing device with the relay between them.

    `pass_on` gives a side the frames that the other side sent. Both sides' attempts, the
    published facts and the parts of the sides can be replaced before they are made.
    """

    new: Identity = field(default_factory=lambda: identity("new"))
    existing: Identity = field(default_factory=lambda: identity("existing"))
    key: PaperKey = ACCOUNT_KEY
    retired: tuple[PaperKey, ...] = ()
    to: Any = None
    qr_secret: bytes | None = None
    new_attempts: RememberedAttempts = field(default_factory=RememberedAttempts)
    existing_attempts: RememberedAttempts = field(default_factory=RememberedAttempts)
    published: Published | None = None
    new_class: type[NewDevice] = NewDevice
    existing_class: type[ExistingDevice] = ExistingDevice
    seqs: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.published is None:
            self.published = Published(
                self.key.fingerprint, devices={self.existing.device: published_device(self.existing)}
            )

    def new_side(self) -> NewDevice:
        assert self.published is not None
        return self.new_class(
            self.new,
            exchange=EXCHANGE,
            ephemeral_key=ephemeral_key("new"),
            nonce=seed("nonce new"),
            attempts=self.new_attempts,
            openpgp=PaperOpenPGP(),
            published=self.published,
            to=self.to,
            qr_secret=self.qr_secret,
        )

    def offer(self, request: str, sender: str | None = None) -> Offer:
        """What the server makes of a request."""
        message = read(
            json.dumps(
                {
                    "type": "offer",
                    "exchange": json.loads(request)["exchange"],
                    "from": sender or self.new.device,
                    "name": "phone",
                    "platform": "Linux",
                    "expires_at": "2027-01-15T08:00:00Z",
                    "frame": json.loads(request),
                }
            )
        )
        assert isinstance(message, Offer)
        return message

    def existing_side(self, offer: Offer, received: float = NOW) -> ExistingDevice:
        return self.existing_class(
            self.existing,
            offer,
            received=received,
            ephemeral_key=ephemeral_key("existing"),
            nonce=seed("nonce existing"),
            certificate=certificate(self.existing, self.key),
            attempts=self.existing_attempts,
        )

    def account_key(self) -> AccountKey:
        return AccountKey(
            self.key.fingerprint, self.key.private_key, tuple(key.private_key for key in self.retired)
        )

    def relay(self, text: str, sender: str, to: str, seq: int | None = None) -> Message:
        """What the server makes of any other frame."""
        if seq is None:
            seq = self.seqs[to] = self.seqs.get(to, 0) + 1
        frame = json.loads(text)
        message = read(
            json.dumps(
                {"type": "relay", "exchange": frame["exchange"], "seq": seq, "from": sender, "frame": frame}
            )
        )
        assert message is not None
        return message

    def to_new(self, text: str, seq: int | None = None) -> Message:
        return self.relay(text, self.existing.device, "new", seq)

    def to_existing(self, text: str, seq: int | None = None) -> Message:
        return self.relay(text, self.new.device, "existing", seq)


def sent(effects: list[Effect]) -> list[str]:
    """The texts that effects send."""
    return [effect.text for effect in effects if isinstance(effect, Send)]


def changed(text: str, **fields: object) -> str:
    """A frame with other fields."""
    return json.dumps({**json.loads(text), **fields})


@dataclass
class Story:
    """A handoff told step by step, each step as far as it is wanted."""

    pair: Pair
    new: NewDevice
    existing: ExistingDevice
    request: str
    accept: str = ""
    reveal: str = ""
    prove: str = ""
    deliver: str = ""
    code: str = ""
    return_code: str = ""

    @classmethod
    def asked(cls, pair: Pair | None = None) -> "Story":
        pair = pair or Pair()
        new = pair.new_side()
        [request] = sent(new.begin(NOW))
        existing = pair.existing_side(pair.offer(request))
        assert existing.examine(NOW) == []
        return cls(pair, new, existing, request)

    @classmethod
    def accepted(cls, pair: Pair | None = None) -> "Story":
        story = cls.asked(pair)
        qr = story.new.qr
        [story.accept] = sent(story.existing.accept(NOW + 1, qr))
        return story

    @classmethod
    def revealed(cls, pair: Pair | None = None) -> "Story":
        story = cls.accepted(pair)
        effects = story.new.receive(story.pair.to_new(story.accept), NOW + 2)
        story.reveal, story.prove = sent(effects)
        story.code = getattr(effects[-1], "code", "")
        return story

    @classmethod
    def proven(cls, pair: Pair | None = None) -> "Story":
        story = cls.revealed(pair)
        assert story.existing.receive(story.pair.to_existing(story.reveal), NOW + 3) == []
        story.existing.receive(story.pair.to_existing(story.prove), NOW + 3)
        return story

    @classmethod
    def delivered(cls, pair: Pair | None = None) -> "Story":
        story = cls.proven(pair)
        if story.code:
            story.existing.enter_code(story.code, NOW + 4)
        effects = story.existing.deliver(story.pair.account_key(), NOW + 4)
        [story.deliver] = sent(effects)
        story.return_code = getattr(effects[-1], "code", "")
        return story


def with_published(pair: Pair, **changes: Any) -> Pair:
    """The pair before another published picture of the account."""
    assert pair.published is not None
    return replace(pair, published=replace(pair.published, **changes), seqs={})

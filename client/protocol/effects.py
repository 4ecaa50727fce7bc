"""What a side of the exchange wants done, in the order in which it is to be done."""

from dataclasses import dataclass, field

from client.protocol.reasons import Reason


@dataclass(frozen=True, slots=True)
class Send:
    """Send this text, as it is."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ShowCode:
    """New device: show the account's name and these six digits."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskCode:
    """Existing device: show an entry field for six digits and nothing else."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Existing device: export the account key and call `deliver` with it."""


@dataclass(frozen=True, slots=True)
class ShowReturnCode:
    """Existing device: show these four digits."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskReturnCode:
    """New device: show an entry field for four digits."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """New device: every check has passed, store the keys (armored OpenPGP private keys)."""

    fingerprint: str
    private_key: str = field(repr=False)
    retired_keys: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """The key is on both devices. On the existing device: and the new one said so."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The exchange is over without a key adopted. `by` is `self`, `peer` or `server`, by its own account."""

    reason: Reason
    by: str = "self"


Effect = Send | ShowCode | AskCode | HandOver | ShowReturnCode | AskReturnCode | Adopt | Done | Ended

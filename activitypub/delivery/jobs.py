"""One delivery in a worker's memory, and what an attempt at it came to."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from activitypub.protocol.retry import Outcome
from activitypub.protocol.signatures.keys import PrivateKey
from activitypub.protocol.signatures.policy import Scheme


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """A private key, loaded, and the address under which its public half is published."""

    key_id: str
    key: PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Outgoing:
    """An activity as it goes out: one for all its deliveries that a worker holds at the time. `key` is its
    actor's; `before`, where there is one, signs first: the key by which others know the actor so far."""

    id: int
    actor_id: int
    public: bool
    body: bytes = field(repr=False)
    key: SigningKey
    before: SigningKey | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A delivery that this worker has claimed until `until`. `scheme` is what its host took last, or what
    is tried first; `synchronization` the header that goes with it, empty for none."""

    id: int
    activity: Outgoing
    inbox: str
    host: str
    attempts: int
    scheme: Scheme
    until: datetime
    synchronization: str = ""


class Fault(StrEnum):
    """Why there was no answer, or none was asked for."""

    TIMEOUT = "timeout"
    NAME_UNKNOWN = "name_unknown"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    BROKEN_OFF = "broken_off"
    ADDRESS_FORBIDDEN = "address_forbidden"
    BAD_URL = "bad_url"
    BREAKER = "breaker_open"


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """What came of a job. `word` is a status, `http_503`, or a Fault; `scheme` what the host took, where it
    took the activity."""

    job: Job
    outcome: Outcome
    word: str
    retry_after: timedelta | None = None
    scheme: Scheme | None = None

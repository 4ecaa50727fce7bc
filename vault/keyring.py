"""The key ring: random data keys, held unwrapped in this process.

Purposes are few and fixed. `fields` seals every SealedField; what keeps tables, columns
and rows apart is the associated data, not the key. `blind-index` makes every blind index
and has a key of its own, so that rotating `fields` leaves the indexes as they are. `audit` makes
the MACs of the audit's rows, `files` seals operators' files; neither is rotated with `fields`.

This module only reads. Keys are made by `vault.services.ensure_ring`, outside of any
transaction and before the server serves, and by `vault.rotation`; never at the first use: a
key made inside a caller's transaction could be rolled back while values sealed under it stay.

A value is sealed only under a ring that was read within the last FRESH_SECONDS, so that a new
generation is taken up by every process within them. A key that has left the ring still opens
for REMEMBERED_SECONDS what a caller had read before.
"""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from audit.protocol.encoding import lp
from vault import queries
from vault.envelope import KEY_ID, EnvelopeKey
from vault.errors import CannotOpen, RingMissing, RootKeyMismatch
from vault.keys import root
from vault.models import DataKey
from vault.rootkey import RootKey

FIELDS = "fields"
BLIND_INDEX = "blind-index"
AUDIT = "audit"
FILES = "files"
PURPOSES = (FIELDS, BLIND_INDEX, AUDIT, FILES)

FRESH_SECONDS = 5.0
REMEMBERED_SECONDS = 600.0


class RingKey(EnvelopeKey):
    """A data key of the ring, unwrapped. Shows nothing of itself."""

    __slots__ = ("generation", "material", "purpose")

    def __init__(self, row: DataKey, material: bytes) -> None:
        super().__init__(row.id.bytes, material)
        self.purpose = row.purpose
        self.generation = row.generation
        self.material = material

    def __repr__(self) -> str:
        return f"<RingKey {self.purpose} {self.generation}>"


class _Ring:
    """All keys by purpose and id, and of each purpose the one that seals now: the newest.

    What opens those of `fields` stands by an envelope's header too, which names version and key at once.

    `read_at` is the monotonic time before the rows were read. Keys of the ring `before` that
    are no longer there are kept with the time at which they were last seen.
    """

    def __init__(self, keys: list[RingKey], read_at: float, before: "_Ring | None" = None) -> None:
        self.read_at = read_at
        self.living: dict[str, list[RingKey]] = {}
        for key in sorted(keys, key=lambda key: key.generation):
            self.living.setdefault(key.purpose, []).append(key)
        self.active = {purpose: living[-1] for purpose, living in self.living.items()}
        self._seen = dict.fromkeys(keys, read_at)
        known = {(key.purpose, key.id) for key in keys}
        for key, seen in before._seen.items() if before is not None else ():
            if (key.purpose, key.id) not in known and read_at - seen < REMEMBERED_SECONDS:
                self._seen[key] = seen
        self.by_id: dict[str, dict[bytes, RingKey]] = {purpose: {} for purpose in PURPOSES}
        for key in self._seen:
            self.by_id.setdefault(key.purpose, {})[key.id] = key
        self.of_fields = {key.header: key.opening for key in self.by_id[FIELDS].values()}


_NOTHING = _Ring([], -FRESH_SECONDS)
_ring = _NOTHING
_loading = threading.Lock()


def active(purpose: str) -> RingKey:
    """Return the key that seals for this purpose. Raises RingMissing, Sealed, CannotOpen.

    Of the purposes only `fields` is rotated, so only it is read again; the others are asked
    for by every lookup and in event loops, where reading is dear.
    """
    ring = _ring
    if time.monotonic() - ring.read_at > FRESH_SECONDS and purpose == FIELDS:
        ring = _load_unless_newer_than(ring)
    key = ring.active.get(purpose)
    if key is None:
        key = load().active.get(purpose)
    if key is None:
        raise RingMissing(f"the key ring has no key for {purpose!r}: run `manage.py migrate`")
    return key


def named_by(purpose: str, envelope: bytes) -> RingKey:
    """Return the key of this purpose that an envelope names. Raises CannotOpen, Sealed.

    An unknown id is looked up again first: another process may have begun a generation.
    """
    key = _ring.by_id[purpose].get(envelope[KEY_ID])
    if key is None:
        key = load().by_id[purpose].get(envelope[KEY_ID])
    if key is None:
        raise CannotOpen("sealed under a key that the ring does not hold")
    return key


def generations(purpose: str) -> list[RingKey]:
    """Read the ring anew and return this purpose's keys, the newest last. Raises as `active`."""
    active(purpose)
    return load().living[purpose]


def load() -> _Ring:
    """Read the ring anew and hold it. Raises Sealed, RootKeyMismatch, CannotOpen."""
    with _loading:
        return _load()


def _load_unless_newer_than(ring: _Ring) -> _Ring:
    """Of threads that find the ring old at once, one reads."""
    with _loading:
        return _load() if _ring is ring else _ring


def _load() -> _Ring:
    global _ring
    read_at = time.monotonic()
    _ring = _Ring([unwrap(root(), row) for row in _rows()], read_at, _ring)
    return _ring


def forget() -> None:
    """Let go of every unwrapped key; the next use reads the ring anew."""
    global _ring
    _ring = _NOTHING


def wrap(root_key: RootKey, row: DataKey, material: bytes) -> bytes:
    """Return the envelope of a data key, which opens for this row's purpose and place only."""
    return root_key.envelope_key("wrap", row.purpose).seal(_context(row), material)


def unwrap(root_key: RootKey, row: DataKey) -> RingKey:
    """Return a row's key. Raises RootKeyMismatch; CannotOpen for a row altered or moved."""
    wrapped = bytes(row.wrapped)
    if wrapped[KEY_ID] != root_key.id:
        raise RootKeyMismatch("this root key is not the one that the database's keys are wrapped under")
    return RingKey(row, root_key.envelope_key("wrap", row.purpose).open(_context(row), wrapped))


def _context(row: DataKey) -> bytes:
    return lp(DataKey._meta.db_table, "wrapped", row.id.bytes, row.purpose, str(row.generation))


def _rows() -> list[DataKey]:
    """Read the rows, from inside an event loop by a thread and connection of its own.

    A sealed value is opened where it is touched, which may be in a coroutine. There this
    waits for a few milliseconds, once a process and generation.
    """
    if not _in_event_loop():
        return queries.data_keys()
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(_rows_and_close).result()


def _rows_and_close() -> list[DataKey]:
    try:
        return queries.data_keys()
    finally:
        connection.close()


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

"""Walking every chain: is each row what was written, where it was written, and none gone or added?

Rows are streamed and nothing is kept of them but a number for each chain, so memory stays as it is
however long the chains are. A server may write meanwhile: a chain's rows are read before its head, and
rows that the head is then found to be ahead of are read as well.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from django.db import connection
from django.db.models import QuerySet

from audit import head_file, keys, triggers
from audit.events import Event
from audit.models import SERVER, UNREADABLE, AuditChain, AuditRow

CHUNK: Final = 1000
NEARBY: Final = sorted(range(-64, 65), key=abs)
"""How far from its place a row is known again; further away it is one that is gone and one too many."""

MOST_SHOWN: Final = 200
MOST_REMEMBERED: Final = 1000


class Kind(StrEnum):
    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    SPLICED = "spliced"
    HEAD = "head"
    HEAD_FILE = "head_file"
    CHECKPOINT = "checkpoint"
    TRIGGER = "trigger"


@dataclass(frozen=True)
class Fault:
    """What is wrong, where. `sequence` is a row's place, None for what is no row."""

    kind: Kind
    chain: str
    sequence: int | None
    sentence: str

    def __str__(self) -> str:
        place = self.chain if self.sequence is None else f"{self.chain} row {self.sequence}"
        return f"{place}: {self.sentence}" if place else self.sentence


@dataclass
class Report:
    """What the walk found; `faults` are the first two hundred of `count`."""

    chains: int = 0
    rows: int = 0
    checkpoints: int = 0
    count: int = 0
    faults: list[Fault] = field(default_factory=list)
    head_file: bool = False

    @property
    def whole(self) -> bool:
        return self.count == 0

    def note(self, fault: Fault) -> None:
        self.count += 1
        if len(self.faults) < MOST_SHOWN:
            self.faults.append(fault)


def verify() -> Report:
    """Walk everything. Raises Sealed where the vault is."""
    report = Report()
    key = keys.current().chain
    for sentence in triggers.faults(connection):
        report.note(Fault(Kind.TRIGGER, "", None, sentence))
    server = _Walk(SERVER, key, report)
    for chain in _chains():
        report.chains += 1
        (server if chain == SERVER else _Walk(chain, key, report)).go()
    _compare_marks(server, report)
    _compare_head_file(report)
    return report


def _chains() -> Iterator[str]:
    """Every chain that has a head, and then every one that has rows only."""
    heads = AuditChain.objects.order_by("chain").values_list("chain", flat=True)
    yield from heads.iterator(CHUNK)
    rows = AuditRow.objects.order_by("chain").values_list("chain", flat=True).distinct()
    yield from rows.exclude(chain__in=AuditChain.objects.values("chain")).iterator(CHUNK)


class _Walk:
    """One chain, from its first row to its head.

    A row's *place* is its sequence as it stands; its *truth* is the one that its hash was made for. The
    truths must come to 1, 2, 3… up to the head's length, each at its own place.
    """

    def __init__(self, chain: str, key: bytes, report: Report) -> None:
        self.chain = chain
        self.key = key
        self.report = report
        self.place = -1
        self.last: AuditRow | None = None
        """The row before, where it is genuine and at its place."""
        self.frontier = 0
        """The highest truth so far."""
        self.missing: set[int] = set()
        """Truths below the frontier that have not come yet."""
        self.false: dict[int, str] = {}
        """Places of rows without a truth, and what else is known of each."""
        self.taken: dict[str, int] = {}
        """In the server's chain: of each chain the last length that a checkpoint names."""

    def go(self) -> None:
        while True:
            before = self.place
            self.read_on()
            head = AuditChain.objects.filter(chain=self.chain).first()
            # A row and the head that names it are committed together: so if the head, read later, is
            # ahead, there is more to read; and if there is not, it is gone.
            if head is None or head.length <= self.place or self.place == before:
                break
        self._judge(head)
        for place in sorted(self.false):
            self._name_false(place)
        for truth in sorted(self.missing):
            self._fault(Kind.REMOVED, truth, "the row is gone")

    def read_on(self) -> None:
        while True:
            try:
                for row in self._rows().iterator(CHUNK):
                    self._look_at(row)
            except UNREADABLE:
                self._read_singly()
            else:
                return

    def _read_singly(self) -> None:
        """The next rows one by one, since one of them that cannot be read keeps all from being so."""
        for sequence in list(self._rows().values_list("sequence", flat=True)[:CHUNK]):
            try:
                row = AuditRow.objects.get(chain=self.chain, sequence=sequence)
            except UNREADABLE:
                self.report.rows += 1
                self.place, self.last = sequence, None
                self._note_false(sequence, "it cannot even be read")
            else:
                self._look_at(row)

    def _rows(self) -> QuerySet[AuditRow]:
        return AuditRow.objects.filter(chain=self.chain, sequence__gt=self.place).order_by("sequence")

    def _look_at(self, row: AuditRow) -> None:
        self.report.rows += 1
        self.place = row.sequence
        before, self.last = self.last, None
        truth = self._truth(row)
        if truth is None:
            self._note_false(row.sequence, self._elsewhere(row))
            return
        if truth > self.frontier:
            self._miss(self.frontier + 1, truth - 1)
            self.frontier = truth
        elif truth in self.missing:
            self.missing.discard(truth)
        else:
            self._fault(Kind.INSERTED, row.sequence, f"here stands a second copy of row {truth}")
            return
        if truth != row.sequence:
            self._fault(Kind.REORDERED, row.sequence, f"here stands the row that belongs at {truth}")
            return
        if before is not None and before.sequence == truth - 1 and row.previous != before.hash:
            self._fault(
                Kind.SPLICED, truth, "the row is genuine, but followed another one: two histories are mixed"
            )
        self.last = row
        if self.chain == SERVER and row.event == Event.CHECKPOINT:
            self.taken |= _compare_checkpoint(row, self.report)

    def _truth(self, row: AuditRow) -> int | None:
        for offset in NEARBY:
            sequence = row.sequence + offset
            if sequence > 0 and _is_genuine(row, self.key, self.chain, sequence):
                return sequence
        return None

    def _elsewhere(self, row: AuditRow) -> str:
        """Where in another chain the row belongs, as far as whoever follows it there tells."""
        if self.report.count + len(self.false) >= MOST_SHOWN or not isinstance(row.hash, bytes):
            return ""
        places = [(other.chain, other.sequence - 1) for other in AuditRow.objects.filter(previous=row.hash)]
        places += [(head.chain, head.length) for head in AuditChain.objects.filter(hash=row.hash)]
        for chain, sequence in places:
            if chain != self.chain and _is_genuine(row, self.key, chain, sequence):
                return f"here stands row {sequence} of {chain}"
        return ""

    def _miss(self, first: int, last: int) -> None:
        if last - first >= MOST_REMEMBERED:
            self._fault(Kind.REMOVED, first, f"the rows from here to {last} are gone")
        else:
            self.missing.update(range(first, last + 1))

    def _note_false(self, place: int, known: str) -> None:
        self.false[place] = known
        if len(self.false) > MOST_REMEMBERED:
            self._name_false(min(self.false))

    def _name_false(self, place: int) -> None:
        """Changed, where the row of that place came nowhere else; else it was put in between."""
        known = self.false.pop(place)
        if place in self.missing:
            self.missing.discard(place)
            kind, sentence = Kind.CHANGED, "the row is not the one that was written"
        else:
            kind, sentence = Kind.INSERTED, "the row was never written"
        self._fault(kind, place, f"{sentence}: {known}" if known else sentence)

    def _judge(self, head: AuditChain | None) -> None:
        if head is None:
            self._fault(Kind.HEAD, None, "the chain's head is gone")
        elif not (head.is_genuine(self.key) or head.is_genuine(self.key, doubted=True)):
            self._fault(Kind.HEAD, None, "the chain's head is not the one that was written")
        elif head.length < self.frontier:
            self._fault(
                Kind.HEAD, None, f"the head is an older one, of {head.length} rows; there are {self.frontier}"
            )
        else:
            if not head.is_genuine(self.key):
                self._fault(Kind.HEAD, None, "the chain's head follows one that was changed")
            self._miss(self.frontier + 1, head.length)
            if self.last is not None and self.last.sequence == head.length and self.last.hash != head.hash:
                self._fault(Kind.SPLICED, head.length, "the row is genuine, but not the one of the head")
            return
        # How long the chain was nobody can say now; a last row that is false was most likely there.
        self._miss(self.frontier + 1, self.place)

    def _fault(self, kind: Kind, sequence: int | None, sentence: str) -> None:
        self.report.note(Fault(kind, self.chain, sequence, sentence))


def _is_genuine(row: AuditRow, key: bytes, chain: str, sequence: int) -> bool:
    try:
        return row.hashed_under(key, chain=chain, sequence=sequence) == row.hash
    except UNREADABLE:
        return False


def _compare_checkpoint(row: AuditRow, report: Report) -> dict[str, int]:
    """Whether each chain still has the row that was its last at the checkpoint; answers how long each was."""
    named = {
        (chain, int(length)): bytes.fromhex(digest)
        for chain, (length, digest) in ((c, text.split()) for c, text in json.loads(row.details).items())
    }
    report.checkpoints += 1
    found = {
        (chain, sequence): digest
        for chain, sequence, digest in AuditRow.objects.filter(pk__in=list(named)).values_list(
            "chain", "sequence", "hash"
        )
    }
    for place, digest in named.items():
        if found.get(place) != digest:
            sentence = f"at checkpoint {row.sequence} the chain had another row here"
            if place not in found:
                sentence = f"the row was there at checkpoint {row.sequence} and is gone"
            report.note(Fault(Kind.CHECKPOINT, place[0], place[1], sentence))
    return dict(named.keys())


def _compare_marks(server: _Walk, report: Report) -> None:
    """Whether each head says of the last checkpoint what the checkpoints say."""
    for listed in AuditChain.objects.order_by("chain").iterator(CHUNK):
        head: AuditChain | None = listed
        seen = None
        while head is not None:
            marks = (head.checkpointed, server.taken.get(head.chain, 0))
            if marks[0] == marks[1]:
                break
            if marks == seen:
                sentence = (
                    f"by its head the last checkpoint took {marks[0]} rows, by the checkpoints {marks[1]}"
                )
                report.note(Fault(Kind.CHECKPOINT, head.chain, None, sentence))
                break
            # A mark and the row that it comes of are committed together, so while a server writes
            # either may be read too early, but not both twice.
            seen = marks
            server.read_on()
            head = AuditChain.objects.filter(pk=head.pk).first()


def _compare_head_file(report: Report) -> None:
    try:
        head = head_file.read()
    except ValueError as error:
        report.note(Fault(Kind.HEAD_FILE, "", None, f"audit.head: {error}"))
        return
    if head is None:
        return
    report.head_file = True
    rows = AuditRow.objects.filter(chain=SERVER, sequence=head.length).values_list("hash", flat=True)
    if [digest.hex() for digest in rows] != [head.hash]:
        report.note(
            Fault(
                Kind.HEAD_FILE,
                SERVER,
                head.length,
                "audit.head knows another row here: the database was put back to an earlier state",
            )
        )

"""One chain, row by row: is each what was written, where it was written, and none gone or added?

Rows are streamed and nothing is kept of them but a few numbers, so memory stays as it is however long the
chain is. A server may write meanwhile: the rows are read before the head, and rows that the head is then
found to be ahead of are read as well.
"""

from typing import Final

from django.db.models import QuerySet

from audit.faults import MOST_SHOWN, Fault, Kind, Report
from audit.models import AuditChain, AuditRow
from audit.unreadable import UNREADABLE

CHUNK: Final = 1000
NEARBY: Final = sorted(range(-64, 65), key=abs)
"""How far from its place a row is known again; further away it is one that is gone and one too many."""

MOST_REMEMBERED: Final = 1000


class Walk:
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
        self.placeless = 0
        """How many rows stand at what is no number; such come after all others."""

    def go(self) -> None:
        while True:
            before = self.place
            self.read_on()
            head = AuditChain.objects.filter(chain=self.chain).first()
            # A row and the head that names it are committed together: so if the head, read later, is
            # ahead, there is more to read; and if there is not, it is gone.
            if head is None or head.is_false(self.key):
                break
            if head.length <= self.place or self.place == before:
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
                if not self._read_singly():
                    return
            else:
                return

    def _read_singly(self) -> bool:
        """The next rows one by one, since one of them that cannot be read keeps all from being so.

        Answers whether there may be more.
        """
        for sequence in list(self._rows().values_list("sequence", flat=True)[:CHUNK]):
            if not _is_place(sequence):
                self._count_placeless()
                return False
            try:
                row = AuditRow.objects.get(chain=self.chain, sequence=sequence)
            except UNREADABLE:
                self.report.rows += 1
                self.place, self.last = sequence, None
                self._note_false(sequence, "it cannot even be read")
            else:
                self._look_at(row)
        return True

    def _count_placeless(self) -> None:
        """Rows at no place. They cannot be asked for by it, nor compared with any."""
        sequences = self._rows().values_list("sequence", flat=True)
        found = sum(not _is_place(sequence) for sequence in sequences.iterator(CHUNK))
        if found > self.placeless:
            self.report.rows += found - self.placeless
            self.placeless = found
            self._fault(Kind.INSERTED, None, f"rows stand at no place: {found}")

    def _rows(self) -> QuerySet[AuditRow]:
        return AuditRow.objects.filter(chain=self.chain, sequence__gt=self.place).order_by("sequence")

    def _look_at(self, row: AuditRow) -> None:
        if not _is_place(row.sequence):
            raise TypeError
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
        self.believe(row)

    def believe(self, row: AuditRow) -> None:
        """Called with each row that is genuine and at its place."""

    def _truth(self, row: AuditRow) -> int | None:
        for offset in NEARBY:
            sequence = row.sequence + offset
            if sequence > 0 and row.is_genuine(self.key, chain=self.chain, sequence=sequence):
                return sequence
        return None

    def _elsewhere(self, row: AuditRow) -> str:
        """Where in another chain the row belongs, as far as whoever follows it there tells."""
        if self.report.count + len(self.false) >= MOST_SHOWN or not isinstance(row.hash, bytes):
            return ""
        places = [(other.chain, other.sequence - 1) for other in AuditRow.objects.filter(previous=row.hash)]
        places += [(head.chain, head.length) for head in AuditChain.objects.filter(hash=row.hash)]
        for chain, sequence in places:
            if chain != self.chain and row.is_genuine(self.key, chain=chain, sequence=sequence):
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
        elif head.is_false(self.key):
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


def _is_place(sequence: object) -> bool:
    return isinstance(sequence, int)

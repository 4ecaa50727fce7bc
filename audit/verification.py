"""Whether the audit is whole: every chain, and what checkpoints, `audit.head` and the triggers tell."""

import json
from collections.abc import Iterator

from django.db import connection

from audit import head_file, heads, keys, triggers
from audit.events import Event
from audit.faults import Fault, Kind, Report
from audit.models import SERVER, AuditChain, AuditRow
from audit.unreadable import is_name, text_as_it_is
from audit.walk import CHUNK, Walk


def verify() -> Report:
    """Walk everything. Raises Sealed where the vault is."""
    report = Report()
    key = keys.current().chain
    for sentence in triggers.faults(connection):
        report.note(Fault(Kind.TRIGGER, "", None, sentence))
    server = _ServersWalk(SERVER, key, report)
    with text_as_it_is(connection):
        for chain in _chains():
            report.chains += 1
            if is_name(chain):
                (server if chain == SERVER else Walk(chain, key, report)).go()
            else:
                report.note(Fault(Kind.HEAD, repr(chain), None, "no chain is called so"))
        _compare_marks(server, report)
        _compare_head_file(report)
    return report


def _chains() -> Iterator[str]:
    """Every chain that has a head, and then every one that has rows only."""
    heads = AuditChain.objects.order_by("chain").values_list("chain", flat=True)
    yield from heads.iterator(CHUNK)
    rows = AuditRow.objects.order_by("chain").values_list("chain", flat=True).distinct()
    yield from rows.exclude(chain__in=AuditChain.objects.values("chain")).iterator(CHUNK)


class _ServersWalk(Walk):
    """The server's chain, with what its checkpoints tell of the others."""

    def __init__(self, chain: str, key: bytes, report: Report) -> None:
        super().__init__(chain, key, report)
        self.taken: dict[str, int] = {}
        """Of each chain the last length that a checkpoint names."""

    def believe(self, row: AuditRow) -> None:
        if row.event == Event.CHECKPOINT:
            self.taken |= _compare_checkpoint(row, self.report)


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


def _compare_marks(server: _ServersWalk, report: Report) -> None:
    """Whether each head says of the last checkpoint what the checkpoints say."""
    for listed in AuditChain.objects.order_by("chain").iterator(CHUNK):
        head: AuditChain | None = listed if is_name(listed.chain) else None
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
    if not heads.is_a_row(head):
        report.note(
            Fault(
                Kind.HEAD_FILE,
                SERVER,
                head.length,
                "audit.head knows another row here: the database was put back to an earlier state",
            )
        )

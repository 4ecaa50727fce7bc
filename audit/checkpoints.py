"""Checkpoints: how long every chain is, written into the server's chain; its own head goes elsewhere."""

from collections.abc import Sequence

from django.db import connection
from django.db.models import F, QuerySet

from audit import heads, keys
from audit.events import Event
from audit.models import SERVER, AuditChain
from audit.services import Entry, append, compact, doubted_of, or_nothing

HEADS_A_ROW = 100


def checkpoint() -> int:
    """Write into the server's chain how long every other chain is, if it grew since it was written there.

    So a chain that is put back to an earlier state, its head with it, is found as long as the server's
    is not; the head of that goes into the log and into a file. Any number of processes may call this at
    once. Answers how many rows it took. Raises AuditUnavailable, Sealed.
    """
    key = keys.current().chain
    written = 0
    while _take(AuditChain.objects.exclude(checkpointed=F("length")), key):
        written += 1
    # The database's word alone keeps no chain out: who could mark one as taken could later put it back.
    hidden = _falsely_sealed(key)
    for first in range(0, len(hidden), HEADS_A_ROW):
        written += _take(AuditChain.objects.filter(chain__in=hidden[first : first + HEADS_A_ROW]), key)
    heads.publish()
    return written


def _take(chains: QuerySet[AuditChain], key: bytes) -> bool:
    """Write a row of some of these and mark their heads. Those that are in use now have a next time."""
    with or_nothing():
        free = chains.exclude(chain=SERVER).order_by("chain").select_for_update(skip_locked=True)
        taken = list(free[:HEADS_A_ROW])
        if not taken:
            return False
        doubted = doubted_of(taken, key)
        for head in taken:
            head.checkpointed = head.length
            head.seal = head.sealed_under(key, doubted=head.chain in doubted)
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE audit_auditchain SET checkpointed = %s, seal = %s WHERE chain = %s",
                [(head.checkpointed, head.seal, head.chain) for head in taken],
            )
        append([_checkpoint_of(taken)])
    return True


def _falsely_sealed(key: bytes) -> list[str]:
    """Chains whose head says that the last checkpoint took all of it, and is not one that was written."""
    told = AuditChain.objects.filter(checkpointed=F("length")).order_by("chain")
    return [head.chain for head in told.iterator(chunk_size=1000) if head.is_false(key)]


def _checkpoint_of(taken: Sequence[AuditChain]) -> Entry:
    named = {head.chain: f"{head.length} {head.hash.hex()}" for head in taken}
    return Entry(SERVER, Event.CHECKPOINT, compact(named), b"", b"", b"")

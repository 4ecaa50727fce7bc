"""Checkpoints: how long every chain is, written into the server's chain; its own head goes elsewhere."""

import logging
from collections.abc import Sequence

from django.db import connection

from audit import heads, keys
from audit.events import Event
from audit.models import SERVER, AuditChain
from audit.services import Entry, append, compact, doubted_of, or_nothing, write_each
from audit.unreadable import text_as_it_is

log = logging.getLogger("audit")

HEADS_A_ROW = 100


def checkpoint() -> int:
    """Write into the server's chain how long every other chain is, if it grew since it was written there.

    So a chain that is put back to an earlier state, its head with it, is found as long as the server's
    is not; the head of that goes into the log and into a file. Any number of processes may call this at
    once. Answers how many rows it took. Raises AuditUnavailable, Sealed.
    """
    key = keys.current().chain
    with text_as_it_is(connection):
        every = AuditChain.objects.order_by("chain").iterator(chunk_size=1000)
        due = [head.chain for head in every if _is_due(head, key)]
        written = sum(
            _take(due[first : first + HEADS_A_ROW], key) for first in range(0, len(due), HEADS_A_ROW)
        )
    heads.publish()
    return written


def _is_due(head: AuditChain, key: bytes) -> bool:
    """Whether it grew since the last. The mark of a false head counts for nothing: who could mark a chain
    as taken could later put it back."""
    if head.chain == SERVER or not (head.checkpointed != head.length or head.is_false(key)):
        return False
    if not head.can_be_followed:
        log.error("the head of an audit chain cannot be read", extra={"fields": {"chain": repr(head.chain)}})
        return False
    return True


def _take(chains: Sequence[str], key: bytes) -> bool:
    """Write a row of these and mark their heads. Those that are in use now have a next time."""
    with or_nothing():
        free = AuditChain.objects.filter(chain__in=chains).order_by("chain")
        # Another process may have taken some since they were found to be due.
        taken = [head for head in free.select_for_update(skip_locked=True) if _is_due(head, key)]
        if not taken:
            return False
        doubted = doubted_of(taken, key)
        for head in taken:
            head.checkpointed = head.length
            head.seal = head.sealed_under(key, doubted=head.chain in doubted)
        write_each(
            "UPDATE audit_auditchain SET checkpointed = %s, seal = %s WHERE chain = %s",
            [(head.checkpointed, head.seal, head.chain) for head in taken],
        )
        append([_checkpoint_of(taken)])
    return True


def _checkpoint_of(taken: Sequence[AuditChain]) -> Entry:
    named = {head.chain: f"{head.length} {head.hash.hex()}" for head in taken}
    return Entry(SERVER, Event.CHECKPOINT, compact(named), b"", b"", b"")

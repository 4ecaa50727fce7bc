"""The server chain's head and its file beside the database: each is held to the other.

What the file says was written from a row. Where that row is no more, or is another, the database was put
back, emptied or exchanged: the file is then the only thing that knows of it, and is kept as it is.
A row that others have followed since is none of that: each machine writes a file of its own.
"""

import logging

from django.db import connection

from audit import head_file, keys
from audit.models import SERVER, AuditChain, AuditRow
from audit.unreadable import UNREADABLE

log = logging.getLogger("audit")


def contradiction() -> str:
    """A sentence for a file that is not of this database's audit; empty where it is, or where there is none.

    Raises Sealed.
    """
    try:
        told = head_file.read()
    except ValueError as error:
        return f"{head_file.path()}: {error}"
    if told is None or is_a_row(told):
        return ""
    return (
        f"{head_file.path()} knows row {told.length} of the audit's chain {SERVER!r}, and the database has "
        "another there or none: it was put back to an earlier state, emptied, or is another one"
    )


def publish() -> None:
    """Write the head into the file and the log, if the file is not ahead; never over a contradiction."""
    with head_file.alone():
        if sentence := contradiction():
            log.error("the audit is not the one of its head's file", extra={"fields": {"reason": sentence}})
            return
        head, told = _head(), head_file.read()
        if head is not None and (told is None or told.length < head.length) and is_a_row(head):
            _write(head)


def replace() -> None:
    """Write the head whatever the file says: for a restore, which has told the audit what it said."""
    with head_file.alone():
        if head := _head():
            _write(head)


def _head() -> head_file.Head | None:
    chain = AuditChain.objects.filter(chain=SERVER).first()
    if chain is None or not chain.can_be_followed:
        return None
    return head_file.Head(length=chain.length, hash=chain.hash.hex())


def is_a_row(head: head_file.Head) -> bool:
    """Whether the chain has it: under the key, for whoever reads the file can write its hash into a row."""
    if AuditRow._meta.db_table not in connection.introspection.table_names():
        return False
    try:
        row = AuditRow.objects.filter(chain=SERVER, sequence=head.length).first()
    except UNREADABLE:
        return False
    return row is not None and row.is_genuine(keys.current().chain) and row.hash.hex() == head.hash


def _write(head: head_file.Head) -> None:
    head_file.write(head)
    log.info("audit head", extra={"fields": {"length": head.length, "hash": head.hash}})

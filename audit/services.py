"""Writing the audit. What cannot be written down does not happen."""

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import Error, connection, transaction
from django.utils import timezone

from audit import context, keys
from audit.errors import AuditUnavailable
from audit.events import STRANGERS, Event
from audit.models import SERVER, AuditChain, AuditRow
from audit.protocol.chain import FIRST, Content, head_seal, row_hash, word_mac
from audit.unreadable import as_bytes

log = logging.getLogger("audit")

NOBODYS_CHAINS = 16
CHAIN_BYTES = 16
LONGEST_DETAILS = 1024
LOOKED_BACK = 500
"""How many of a chain's last rows are searched for one that is written only once."""

Detail = str | int | float | bool | None


class NotWritten(Exception):
    """The database took a row or a head and has not got it, or has a head that nothing can hang on."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row to be: its chain and content, without the place that it will have."""

    chain: str
    event: Event
    details: str
    device_mac: bytes = field(repr=False)
    network_mac: bytes = field(repr=False)
    subject_mac: bytes = field(repr=False)
    once: bool = False


def record(
    event: Event,
    *,
    account: str | None = None,
    device: str | None = None,
    subject: str | None = None,
    details: Mapping[str, Detail] | None = None,
) -> None:
    """Write one row in the caller's transaction, or in one of its own where none is open.

    `account` is an account id, `device` a device hash, `subject` any text that is to be matched and
    never read. `details` is flat and holds nothing but harmless words and numbers. Call it last: the
    account's chain is locked until the transaction ends. In one transaction write the rows of one
    account first and the server's after; never those of two accounts.

    Raises AuditUnavailable where it cannot be written and Sealed where the vault is; in both cases the
    transaction can no longer be committed.
    """
    with or_nothing():
        append([entry(event, account=account, device=device, subject=subject, details=details)])


def record_all(entries: Collection[Entry]) -> None:
    """Write several rows at once; for the rest as `record`."""
    if entries:
        with or_nothing():
            append(entries)


def entry(
    event: Event,
    *,
    account: str | None = None,
    device: str | None = None,
    subject: str | None = None,
    details: Mapping[str, Detail] | None = None,
    once: bool = False,
) -> Entry:
    """A row for `record_all`, which takes the network of now along.

    `once`: it is not written where the chain holds such an event of this subject already.
    """
    key = keys.current().matching
    # An operator acts by no device; a MAC, so that whom they judge reads no name in their security log.
    device_mac = word_mac(key, "device", device or "") or word_mac(key, "operator", context.operator.get())
    network_mac = word_mac(key, "network", context.network.get())
    subject_mac = word_mac(key, "subject", subject or "")
    if account is not None:
        chain = _chain_of(account, key)
    elif event in STRANGERS:
        # By the login that was typed where there is one: whoever tries one name again and again waits
        # for himself, whether or not it is an account's.
        spread = subject_mac or network_mac or device_mac or b"\0"
        chain = f"nobody:{spread[0] % NOBODYS_CHAINS}"
    else:
        chain = SERVER
    return Entry(chain, event, _written(details or {}), device_mac, network_mac, subject_mac, once)


def follow(row: AuditRow, event: Event, details: Mapping[str, Detail]) -> Entry:
    """A row of the same chain, device and subject as one that is written, from no network; once."""
    return Entry(row.chain, event, _written(details), row.device_mac, b"", row.subject_mac, once=True)


def chain_of(account: str) -> str:
    """The name of an account's chain, which tells the account to nobody without the key."""
    return _chain_of(account, keys.current().matching)


def _chain_of(account: str, key: bytes) -> str:
    # Half of the MAC is enough to tell accounts apart, and every row and index holds it.
    return f"account:{word_mac(key, 'account', str(account))[:CHAIN_BYTES].hex()}"


def _written(details: Mapping[str, Detail]) -> str:
    for value in details.values():
        if not isinstance(value, str | int | float | None):
            raise TypeError(f"details are flat, of words and numbers, not {type(value).__name__}")
    text = compact(dict(details))
    if len(text) > LONGEST_DETAILS:
        raise ValueError("details are a few words, not a text")
    return text


compact = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def doubted_of(heads: Collection[AuditChain], key: bytes) -> set[str]:
    """The chains whose head is not one that was written, or follows such a one.

    None is sealed as good again: that would vouch for what somebody else wrote there. Nor is it
    believed what a checkpoint took of it, so the next takes it in any case.
    """
    doubted = {head.chain for head in heads if not head.is_genuine(key)}
    for head in heads:
        if head.chain in doubted and head.is_false(key):
            log.error("the head of an audit chain was changed", extra={"fields": {"chain": head.chain}})
            head.checkpointed = 0
    return doubted


@contextmanager
def or_nothing() -> Iterator[None]:
    """The transaction around an append: what fails in it takes the caller's transaction along.

    Without a savepoint of its own, so a caller that catches the error cannot commit either.
    """
    try:
        with transaction.atomic(savepoint=False):
            yield
    except (Error, NotWritten) as error:
        # The kind alone: a driver's text may quote what was to be written.
        log.error("an event could not be written: %s", type(error).__name__)
        raise AuditUnavailable(headers={"Retry-After": "5"}) from None


def append(entries: Collection[Entry]) -> None:
    """Lock the chains in the order of their names, the server's last, and hang the rows on.

    By statements of our own: the model layer takes several times as long, and frames and logins wait.
    """
    key = keys.current().chain
    heads = _locked(sorted({entry.chain for entry in entries}), key)
    doubted = doubted_of(heads.values(), key)
    rows = []
    for entry in entries:
        head = heads[entry.chain]
        if not (entry.once and _is_written(entry, head)):
            rows.append(_hung_on(head, entry, key))
    write_each(
        "INSERT INTO audit_auditrow (chain, sequence, at, event, details, device_mac, network_mac, "
        "subject_mac, previous, hash) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        rows,
    )
    write_each(
        "UPDATE audit_auditchain SET length = %s, hash = %s, checkpointed = %s, seal = %s WHERE chain = %s",
        [
            (
                head.length,
                head.hash,
                head.checkpointed,
                head.sealed_under(key, doubted=chain in doubted),
                chain,
            )
            for chain, head in heads.items()
        ],
    )


def write_each(statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Execute it with each of these, which is to write one row. Raises NotWritten.

    A rule or a trigger of the database may do nothing in its place, and no error tells of it.
    """
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)
        if cursor.rowcount != len(rows):
            raise NotWritten(f"{cursor.rowcount} of {len(rows)}")


def _locked(chains: Sequence[str], key: bytes) -> dict[str, AuditChain]:
    """The heads, each locked until the transaction ends; a chain begins with its first event.

    Whoever takes several begins those that are missing before locking any, and both in the order of
    their names: one that is begun and not committed is seen by nobody who locks, so none who holds a
    lock ever waits for who holds another.
    """
    heads = _heads(chains) if len(chains) == 1 else {}
    if not heads:
        there = set(AuditChain.objects.filter(chain__in=chains).values_list("chain", flat=True))
        # Of two that begin a chain at once, the second waits here for the first.
        AuditChain.objects.bulk_create(
            [
                AuditChain(chain=chain, seal=head_seal(key, chain, 0, FIRST, 0))
                for chain in chains
                if chain not in there
            ],
            ignore_conflicts=True,
        )
        heads = _heads(chains)
    if len(heads) != len(chains):
        raise NotWritten("a chain did not begin")
    return heads


def _heads(chains: Sequence[str]) -> dict[str, AuditChain]:
    # SQLite has no locks on rows, and its transactions begin by waiting for all other writers.
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    places = ", ".join(["%s"] * len(chains))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT chain, length, hash, seal, checkpointed FROM audit_auditchain "  # noqa: S608
            f"WHERE chain IN ({places}) ORDER BY chain{lock}",
            chains,
        )
        found = [
            AuditChain(chain, length, as_bytes(last), as_bytes(seal), checkpointed)
            for chain, length, last, seal, checkpointed in cursor.fetchall()
        ]
    if not all(head.can_be_followed for head in found):
        raise NotWritten("a head cannot be read")
    return {head.chain: head for head in found}


def _is_written(entry: Entry, head: AuditChain) -> bool:
    return AuditRow.objects.filter(
        chain=head.chain,
        sequence__gt=head.length - LOOKED_BACK,
        event=entry.event,
        subject_mac=entry.subject_mac,
    ).exists()


def _hung_on(head: AuditChain, entry: Entry, key: bytes) -> Sequence[Any]:
    """The columns of the chain's next row; the head is moved on to it."""
    content = Content(
        # Asked under the lock, so that the times of a chain rise as its rows do.
        at=timezone.now(),
        event=entry.event.value,
        details=entry.details,
        device_mac=entry.device_mac,
        network_mac=entry.network_mac,
        subject_mac=entry.subject_mac,
    )
    previous = head.hash
    head.length += 1
    head.hash = row_hash(key, head.chain, head.length, content, previous)
    return (
        head.chain,
        head.length,
        connection.ops.adapt_datetimefield_value(content.at),
        content.event,
        content.details,
        content.device_mac,
        content.network_mac,
        content.subject_mac,
        previous,
        head.hash,
    )

"""Reading the audit."""

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from audit import keys
from audit.context import network_of
from audit.events import Event
from audit.faults import Report
from audit.models import AuditRow
from audit.protocol.chain import word_mac
from audit.services import chain_of
from audit.verification import verify

__all__ = ["Report", "found", "mac_of", "rows_of", "verify", "without_sequel"]


def rows_of(account: str) -> QuerySet[AuditRow]:
    """The rows of one account id, newest first."""
    return AuditRow.objects.filter(chain=chain_of(account)).order_by("-sequence")


def found(
    *,
    account: str | None = None,
    device: str | None = None,
    network: str | None = None,
    subject: str | None = None,
    operator: str | None = None,
    event: str | None = None,
    chain: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditRow]:
    """The rows that all of these hold for, newest first. `account` is an id, `device` a hash."""
    rows = AuditRow.objects.order_by("-at", "chain", "-sequence")
    if account is not None:
        rows = rows.filter(chain=chain_of(account))
    if device is not None:
        rows = rows.filter(device_mac=mac_of("device", device))
    if network is not None:
        rows = rows.filter(network_mac=mac_of("network", network_of(network)))
    if subject is not None:
        rows = rows.filter(subject_mac=mac_of("subject", subject))
    if operator is not None:
        rows = rows.filter(device_mac=mac_of("operator", operator))
    if event is not None:
        rows = rows.filter(event=event)
    if chain is not None:
        rows = rows.filter(chain=chain)
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    return rows


def mac_of(kind: str, word: str) -> bytes:
    """What stands in a row for a device hash, a network or a subject."""
    return word_mac(keys.current().matching, kind, word)


def without_sequel(first: Event, second: Event, *, since: datetime, until: datetime) -> list[AuditRow]:
    """Rows of `first` in that time for whose subject their chain has no row of `second`."""
    sequel = AuditRow.objects.filter(
        chain=OuterRef("chain"), event=second, subject_mac=OuterRef("subject_mac")
    )
    return list(AuditRow.objects.filter(~Exists(sequel), event=first, at__gte=since, at__lt=until))

"""What the audit holds, for a test to read."""

import json
from typing import Any

from django.db.models import QuerySet

from audit import keys
from audit.models import AuditRow
from audit.protocol.chain import word_mac
from audit.services import chain_of
from tests.people import Handset, Person

Told = tuple[str, dict[str, Any]]


def rows_of(person: Person) -> list[AuditRow]:
    """The rows of a person's account, oldest first."""
    return list(AuditRow.objects.filter(chain=chain_of(person.id)).order_by("sequence"))


def rows() -> QuerySet[AuditRow]:
    """All rows but those that the making of the test's database wrote."""
    return AuditRow.objects.exclude(event__startswith="migration_")


def rows_elsewhere() -> list[AuditRow]:
    """The rows of no account, oldest first."""
    return list(rows().exclude(chain__startswith="account:").order_by("at"))


def told(row: AuditRow) -> Told:
    """Event and details."""
    return row.event, json.loads(row.details)


def is_of(row: AuditRow, handset: Handset) -> bool:
    """Whether the row names this device."""
    return bytes(row.device_mac) == word_mac(keys.current().matching, "device", handset.hash)


def is_about(row: AuditRow, subject: str) -> bool:
    return bytes(row.subject_mac) == word_mac(keys.current().matching, "subject", subject)


def is_from(row: AuditRow, network: str) -> bool:
    return bytes(row.network_mac) == word_mac(keys.current().matching, "network", network)

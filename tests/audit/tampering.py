"""What tests do to the audit behind the server's back, and what is found of it."""

from typing import Any

from django.db import connection

from audit.models import AuditChain, AuditRow
from audit.queries import verify

ALICE = "00000000-0000-4000-8000-00000000000a"
BOB = "00000000-0000-4000-8000-00000000000b"
ROWS = 8

Found = list[tuple[str, str, int | None]]


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount, "nothing was tampered with"


def faults(chain: str | None = None) -> Found:
    """What is found in one chain, after which nothing may be left of any other."""
    report = verify()
    assert report.count == len(report.faults)
    found = [(str(one.kind), one.chain, one.sequence) for one in report.faults if one.kind != "trigger"]
    if chain is not None:
        assert {place for _, place, _ in found} <= {chain}
    return found


def put_back(chain: str, length: int) -> None:
    """A chain as it was at an earlier time, its own head with it: for who kept a copy."""
    from audit import keys

    row = AuditRow.objects.get(chain=chain, sequence=length)
    head = AuditChain(chain=chain, length=length, hash=row.hash)
    sql("DELETE FROM audit_auditrow WHERE chain = %s AND sequence > %s", chain, length)
    sql(
        "UPDATE audit_auditchain SET length = %s, hash = %s, seal = %s, checkpointed = 0 WHERE chain = %s",
        *(length, row.hash, head.sealed_under(keys.current().chain), chain),
    )

"""What a server does to the audit, over and over, until it is killed. Found by tests.crashes."""

import os
import secrets
from pathlib import Path

from django.db import connection

from audit.checkpoints import checkpoint
from audit.events import Event
from audit.models import AuditRow
from audit.queries import verify
from audit.services import chain_of, record
from devices.services import signing

ANSWERED = "ANSWERED"
ACCOUNTS = 3


def write() -> None:
    """Record, and after each return note as answered what was recorded: as a server answers a client."""
    answered = os.open(os.environ[ANSWERED], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    while True:
        name = secrets.token_hex(8)
        account = str(secrets.randbelow(ACCOUNTS))
        record(Event.LOGIN, account=account, details={"name": name})
        os.write(answered, f"{chain_of(account)} {name}\n".encode())
        if secrets.randbelow(4) == 0:
            checkpoint()
        if secrets.randbelow(8) == 0:
            # With rows of its own and the server's chain, in one transaction.
            signing.make_token_key()


def check() -> None:
    """Every chain is whole, its file too, and holds all that was answered."""
    report = verify()
    assert report.whole, [str(fault) for fault in report.faults]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM devices_tokenkey")
        (made,) = cursor.fetchone()
    assert AuditRow.objects.filter(event=Event.TOKEN_KEY_MADE).count() == made
    written = {
        (row.chain, row.details.split('"')[3])
        for row in AuditRow.objects.filter(event=Event.LOGIN).iterator()
    }
    path = Path(os.environ[ANSWERED])
    answered = {tuple(line.split()) for line in path.read_text().splitlines()} if path.exists() else set()
    assert answered <= written, f"{len(answered - written)} lost"

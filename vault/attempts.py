"""The record of unseal attempts: lines in a file beside the database, which a sealed server cannot open.

Each is on the disk before whoever tried learns how it ended. When the vault is open they are moved into
the audit's chain, each exactly once: a row is written only where the chain has none of that attempt's id,
and the lines go after the rows are committed.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from vault import ownfile
from vault.errors import RootKeyError, RootKeyMissing
from vault.whole import remove_drafts, sync_folder

NAME = "unseal-attempts.jsonl"
SEALED = "sealed"
# Fewer than the rows that the audit looks back over to find one that it has already.
MOST = 400
_LONGEST = 256 * 1024
_TITLE = "record of unseal attempts"


def note(kind: str, outcome: str) -> None:
    """Write down that the vault was tried to be opened. Raises RootKeyError where it cannot be written.

    `kind` is the protector's, `outcome` one of `opened`, `refused`, `gathered`, `forged` (a share, once
    the others have opened); or SEALED, for the process that seals cannot open the database either.
    """
    with _locked() as path:
        attempts = _read(path)
        if len(attempts) >= MOST:
            # The first ones tell how it began, the last ones what is going on.
            del attempts[MOST // 2 : MOST // 2 + len(attempts) - MOST + 1]
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        attempts.append({"id": secrets.token_hex(8), "at": at, "kind": kind, "outcome": outcome})
        _write(path, attempts)


def pending() -> list[dict[str, str]]:
    """Return the attempts that are not in the audit yet, the oldest first."""
    with _locked() as path:
        return _read(path)


def join_audit() -> int:
    """Move the attempts into the audit; return how many. Raises AuditUnavailable, Sealed, RootKeyError."""
    from audit.events import Event  # the audit's rows want Django set up, and `note` must do without
    from audit.services import entry, record_all

    with _locked() as path:
        remove_drafts(path)
        attempts = _read(path)
        if attempts:
            record_all(
                [
                    entry(
                        Event.VAULT_SEALED if attempt["outcome"] == SEALED else Event.VAULT_UNSEAL_ATTEMPT,
                        subject=f"unseal-attempt:{attempt['id']}",
                        details={name: attempt[name] for name in ("at", "kind", "outcome")},
                        once=True,
                    )
                    for attempt in attempts
                ]
            )
            path.unlink()
            sync_folder(path.parent)
        return len(attempts)


@contextmanager
def _locked() -> Iterator[Path]:
    """One process at a time reads and replaces the file; the kernel drops the lock with the process."""
    path = Path(settings.HVX_DATA_DIR) / NAME
    guard = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield path
    except OSError as error:
        raise RootKeyError(f"the {_TITLE} at {path} cannot be written: {error.strerror}") from None
    finally:
        os.close(guard)


def _read(path: Path) -> list[dict[str, str]]:
    try:
        lines = ownfile.read(path, _TITLE, _LONGEST).splitlines()
    except RootKeyMissing:
        return []
    attempts = []
    for line in lines:
        try:
            found: Any = json.loads(line)
            attempts.append({name: str(found[name])[:40] for name in ("id", "at", "kind", "outcome")})
        except (ValueError, KeyError, TypeError):
            # A line that somebody spoilt must not keep the server sealed; that there was one is told.
            attempts.append({"id": secrets.token_hex(8), "at": "", "kind": "", "outcome": "unreadable"})
    return attempts


def _write(path: Path, attempts: list[dict[str, str]]) -> None:
    ownfile.replace(path, b"".join(json.dumps(attempt).encode() + b"\n" for attempt in attempts))

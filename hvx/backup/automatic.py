"""The back-up that is made before a database with something in it is migrated."""

from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from hvx.backup import making
from hvx.backup.parts import BackupPart

FOLDER = "backups"
KEPT = 5
_PATTERN = "before-migrating-*.hvx"


def before_migrating(parts: tuple[BackupPart, ...], say: Callable[[str], None]) -> Path | None:
    """Back up to `backups/` in the data folder if a migration is pending; return the file, if any.

    The newest few of such files are kept. Raises what `making.make` raises: then nothing is migrated.
    """
    if not MigrationRecorder(connection).applied_migrations() or not _is_pending():
        return None
    folder = Path(settings.HVX_DATA_DIR) / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    # Names in the order of time, for the oldest are removed by name.
    path = folder / _PATTERN.replace("*", f"{timezone.now():%Y%m%dT%H%M%S.%fZ}")
    making.make(path, parts=parts, say=lambda _: None)
    say(f"A back-up was made before migrating: {path}")
    for old in sorted(folder.glob(_PATTERN))[:-KEPT]:
        old.unlink()
    return path


def _is_pending() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))

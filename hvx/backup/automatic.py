"""The back-up that is made before a database with something in it is migrated."""

from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.exceptions import AmbiguityError
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from hvx.backup import making
from hvx.backup.parts import BackupPart

FOLDER = "backups"
KEPT = 5
_PATTERN = "before-migrating-*.hvx"


def before_migrating(
    parts: tuple[BackupPart, ...],
    say: Callable[[str], None],
    *,
    app: str | None = None,
    name: str | None = None,
) -> Path | None:
    """Back up to `backups/` in the data folder if there is something to migrate; return the file, if any.

    `app` and `name` are those that `migrate` was called with: forwards or backwards. The newest few of
    such files are kept. Raises what `making.make` raises: then nothing is migrated.
    """
    if not MigrationRecorder(connection).applied_migrations() or not _plans(app, name):
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


def _plans(app: str | None, name: str | None) -> bool:
    """Whether anything would be applied or taken back. What Django refuses by these names is nothing."""
    executor = MigrationExecutor(connection)
    targets: list[tuple[str, str | None]] = [*executor.loader.graph.leaf_nodes(app)]
    if app is not None and name == "zero":
        targets = [(app, None)]
    elif app is not None and name is not None:
        try:
            targets = [(app, executor.loader.get_migration_by_prefix(app, name).name)]
        except (AmbiguityError, KeyError):
            return False
    return bool(executor.migration_plan(targets))

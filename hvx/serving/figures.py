"""Where the processes of a server keep their figures, which `/metrics` adds up."""

import os

from django.conf import settings

# Read by prometheus_client when a process imports it.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def begin() -> None:
    """Make or empty the folder, before the first process is started that writes there."""
    folder = settings.HVX_DATA_DIR / "metrics"
    folder.mkdir(mode=0o700, exist_ok=True)
    for file in folder.glob("*.db"):
        file.unlink()
    os.environ[VARIABLE] = str(folder)

"""What a process that serves does without: libraries that others import only in case somebody uses them.

Each process that serves would hold them in memory, some 17 MiB, for as long as it lives.
"""

import sys
from typing import Final

# Django REST framework looks for these for its test client, its HTML pages and PostgreSQL's own fields.
_UNUSED: Final = ("requests", "pygments", "markdown")
_OF_POSTGRESQL: Final = ("psycopg",)


def leave_out(*, postgresql: bool) -> None:
    """From now on they cannot be imported in this process, as if they were not installed. `postgresql` is
    whether the database is one. What is imported already stays."""
    for name in (*_UNUSED, *(() if postgresql else _OF_POSTGRESQL)):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # how Python marks what is not to be found

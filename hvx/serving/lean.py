"""What a process that serves does without: libraries that others import only in case somebody uses them.

Each process that serves would hold them in memory, some 17 to 22 MiB, for as long as it lives.
"""

import contextlib
import gc
import sys
from collections.abc import Iterator
from typing import Final

# Django REST framework looks for these for its test client, its HTML pages and PostgreSQL's own fields.
_UNUSED: Final = ("requests", "pygments", "markdown")
_OF_POSTGRESQL: Final = ("psycopg",)
_OF_REDIS: Final = ("redis",)


def leave_out(*, postgresql: bool, redis: bool) -> None:
    """From now on they cannot be imported in this process, as if they were not installed; what is imported
    already stays. `postgresql` and `redis` are whether the server is on them."""
    unused = _UNUSED + (() if postgresql else _OF_POSTGRESQL) + (() if redis else _OF_REDIS)
    for name in unused:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # how Python marks what is not to be found


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Looks for no garbage while modules are imported, and never again among what they brought.

    All of that stays for as long as the process lives, and looking takes up to a fifth of a start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()

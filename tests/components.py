"""Which outside components this machine offers to the tests, and where they answer."""

import os
import shutil
from collections.abc import Callable


def cluster_mode() -> bool:
    """Whether this run of the suite stands on PostgreSQL and Redis instead of SQLite and memory."""
    return os.environ.get("HVX_TEST_MODE", "embedded") == "cluster"


def everything_is_required() -> bool:
    """Whether a missing component fails a test (`make test-all`) instead of leaving it out."""
    return os.environ.get("HVX_TEST_ALL") == "1"


def _variable(name: str) -> Callable[[], str | None]:
    return lambda: None if os.environ.get(name) else f"{name} is not set"


def _program(name: str) -> Callable[[], str | None]:
    return lambda: None if shutil.which(name) else f"the program {name} is not on PATH"


def _root() -> str | None:
    # A server lets no other process of its user's look into its memory.
    return None if os.geteuid() == 0 else "the suite is not run by root"


COMPONENTS: dict[str, Callable[[], str | None]] = {
    "gnupg": _program("gpg"),
    "redis": _variable("HVX_TEST_REDIS_URL"),
    "postgres": _variable("HVX_TEST_POSTGRES_URL"),
    "pg_dump": _program("pg_dump"),
    "vectors": _variable("HVX_VECTORS"),
    "nginx": _program("nginx"),
    "gdb": _program("gcore"),
    "systemd": _program("systemd-analyze"),
    "chromium": _program("chromium"),
    "fedify": _variable("HVX_TEST_FEDIFY_URL"),
    "root": _root,
}


def why_missing(component: str) -> str | None:
    """None if the component is there, else one clause that says what is not.

    Raises LookupError for a component that nobody knows, so that a misspelt mark is noticed.
    """
    if component not in COMPONENTS:
        raise LookupError(f"no such component: {component!r}; known are {', '.join(sorted(COMPONENTS))}")
    return COMPONENTS[component]()


# The test Redis has 1,024 databases. Each test process takes one for itself, from 1; each live
# server that a process starts takes one of the forty that are set aside for that process, from 100.
SERVERS_PER_PROCESS = 40


def _process_number() -> int:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    return int(worker.removeprefix("gw")) + 1 if worker else 0


def redis_url(database: int) -> str:
    """The test Redis at a database number of one's own."""
    return f"{os.environ['HVX_TEST_REDIS_URL'].rstrip('/')}/{database}"


def redis_url_of_this_process() -> str:
    return redis_url(1 + _process_number())


def redis_url_of_server(count: int) -> str:
    """For the `count`-th live server of this process; numbers come round again after forty."""
    return redis_url(100 + _process_number() * SERVERS_PER_PROCESS + count % SERVERS_PER_PROCESS)

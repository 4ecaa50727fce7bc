"""Looking into running processes: their memory, environment, arguments and open files.

A server lets no debugger in (PR_SET_DUMPABLE), so it wants root. Imports neither pytest nor Django.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

STEP = 8 * 1024 * 1024
OVERLAP = 4096


def memory_of(pid: int) -> Iterator[bytes]:
    """All that a process could write to or keep of its own, in pieces that overlap."""
    regions = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", Path(f"/proc/{pid}/maps").read_text(), re.MULTILINE)
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for first, last in ((int(one, 16), int(other, 16)) for one, other in regions):
            for start in range(first, last, STEP):
                try:
                    memory.seek(start)
                    yield memory.read(min(STEP + OVERLAP, last - start))
                except OSError:
                    continue


def given_to(pid: int) -> bytes:
    """The environment and the arguments that a process was started with."""
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("environ", "cmdline"))


def open_files_of(pid: int) -> dict[str, bytes]:
    """The regular files that a process has open, with their contents."""
    found = {}
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(descriptor)
        if target.startswith("/") and Path(target).is_file():
            found[target] = descriptor.read_bytes()
    return found


def family_of(pid: int) -> Iterator[int]:
    """A process and all that it has started, and those have."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family_of(int(child))

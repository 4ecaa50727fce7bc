"""Files for their owner alone: refused where others could reach them, written whole or not at all."""

import errno
import os
import stat
from pathlib import Path

from vault.errors import RootKeyMissing, RootKeyUnsafe
from vault.whole import whole_file


def read_into(path: Path, name: str, place: memoryview) -> None:
    """Fill `place` with the file's bytes; the file must have just as many.

    `name` is what the file is to an operator. Raises RootKeyMissing, RootKeyUnsafe.
    """
    descriptor, found = _open(path, name)
    try:
        if found.st_size != place.nbytes:
            raise RootKeyUnsafe(f"the {name} at {path} has {found.st_size} bytes instead of {place.nbytes}")
        if os.readv(descriptor, [place]) != place.nbytes:
            raise RootKeyUnsafe(f"the {name} at {path} ended too early")
    finally:
        os.close(descriptor)


def read(path: Path, name: str, longest: int) -> bytes:
    """Return the bytes of a file of at most `longest`. Raises RootKeyMissing, RootKeyUnsafe."""
    descriptor, found = _open(path, name)
    with open(descriptor, "rb") as file:
        if found.st_size > longest:
            raise RootKeyUnsafe(f"the {name} at {path} has {found.st_size} bytes, more than {longest}")
        return file.read(longest)


def _open(path: Path, name: str) -> tuple[int, os.stat_result]:
    """Open for reading what only its owner can reach.

    What is judged is the open file, not its name, so nothing can be swapped between
    the judgement and the reading.
    """
    try:
        # O_NONBLOCK: a pipe put in the file's place must be refused, not waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise RootKeyMissing(
            f"there is no {name} at {path}: put back the one that belongs to this database"
        ) from None
    except OSError as error:
        reason = "is a symbolic link" if error.errno == errno.ELOOP else f"cannot be opened: {error.strerror}"
        raise RootKeyUnsafe(f"the {name} at {path} {reason}") from None
    try:
        found = os.fstat(descriptor)
        _refuse_unsafe(path, name, found)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, found


def _refuse_unsafe(path: Path, name: str, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        reason = "is not a regular file"
    elif found.st_uid != os.geteuid():
        reason = "belongs to another user"
    elif mode not in (0o600, 0o400):
        reason = f"has mode {mode:04o}, so others may reach it: chmod 600"
    else:
        return
    raise RootKeyUnsafe(f"the {name} at {path} {reason}")


def create(path: Path, content: bytes | memoryview) -> bool:
    """Write a new file that lasts; return whether it was this call that made it.

    Of several processes that try at once one wins, and a crash leaves nothing.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        _write(path, content, replace=False)
    except FileExistsError:
        return False
    return True


def replace(path: Path, content: bytes | memoryview) -> None:
    """Put `content` in the file's place: after a crash it holds the old or the new, and nothing between."""
    _write(path, content, replace=True)


def _write(path: Path, content: bytes | memoryview, *, replace: bool) -> None:
    with whole_file(path, replace=replace) as file, memoryview(content) as whole:
        # Past the file's buffer, or a copy of a key would stay behind in it.
        if os.write(file.fileno(), whole) != whole.nbytes:
            raise OSError(errno.ENOSPC, "the file could not be written whole")

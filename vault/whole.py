"""A file that is there whole or not at all, however its writer ends.

Until it is whole it has no name. Where the system knows no such files, and for the moment in which a file
takes another's place, it has a draft's: what a killed writer leaves of that goes by `remove_drafts`.
"""

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_DRAFT_BYTES = 8
# What tells that this file system, or this system, has no files without a name.
_NO_UNNAMED = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)


@contextmanager
def whole_file(path: Path, *, replace: bool = False) -> Iterator[BinaryIO]:
    """Give a file to write to, mode 0600, that stands at `path` once the block has ended well.

    It is forced to the disk before it is named, and its name before this ends. Raises FileExistsError
    where something is at `path`, unless `replace`; OSError.
    """
    if not replace and (path.is_symlink() or path.exists()):
        raise FileExistsError(errno.EEXIST, "there is a file already", str(path))
    draft = path.with_name(f".{path.name}.{secrets.token_hex(_DRAFT_BYTES)}")
    descriptor, named = _open_draft(draft)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not named:
                _name(file.fileno(), draft if replace else path)
        if replace:
            os.replace(draft, path)
        elif named:
            # A link never replaces: of two writers one wins and the other is told.
            os.link(draft, path)
    finally:
        if named or replace:
            draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def remove_drafts(path: Path) -> None:
    """Remove what killed writers of this file left. Only while nobody writes it.

    Where the folder is not there, or not this user's to list, no writer of this user's left anything.
    """
    draft = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{{2 * _DRAFT_BYTES}}}")
    with suppress(FileNotFoundError, PermissionError):
        for entry in path.parent.iterdir():
            if draft.fullmatch(entry.name):
                entry.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Force to the disk which names stand in the folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _name(descriptor: int, path: Path) -> None:
    """Give the open file, which has no name, this one. Raises FileExistsError."""
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Only beside a directory's descriptor does Python tell the system to follow the link in /proc.
        os.link(f"/proc/self/fd/{descriptor}", path.name, dst_dir_fd=directory, follow_symlinks=True)
    finally:
        os.close(directory)


def _open_draft(draft: Path) -> tuple[int, bool]:
    """Return the draft's descriptor, and whether it has a name already."""
    unnamed = getattr(os, "O_TMPFILE", None)
    if unnamed is not None and os.path.isdir("/proc/self/fd"):
        try:
            return os.open(draft.parent, unnamed | os.O_WRONLY | os.O_CLOEXEC, 0o600), False
        except OSError as error:
            if error.errno not in _NO_UNNAMED or not draft.parent.is_dir():
                raise
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(draft, flags, 0o600), True

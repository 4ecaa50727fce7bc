"""The root key: 32 random bytes from which every other key of the vault hangs.

It stands in a file of its own beside the database, readable by its owner alone.
"""

import errno
import os
import secrets
import stat
from pathlib import Path
from typing import NoReturn, SupportsIndex

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vault.envelope import KEY_ID_LENGTH, KEY_LENGTH, EnvelopeKey, lp
from vault.errors import RootKeyMissing, RootKeyUnsafe

ROOT_KEY_LENGTH = 32
_LABEL = "hvx-vault/1"


class RootKey:
    """The root key in memory. It leaves only as keys derived from it. Shows nothing of itself."""

    __slots__ = ("_envelope_keys", "_material", "id")

    def __init__(self, material: bytes) -> None:
        if len(material) != ROOT_KEY_LENGTH:
            raise ValueError("a root key is 32 bytes")
        self._material = material
        self._envelope_keys: dict[tuple[str, str], EnvelopeKey] = {}
        self.id = self.derive("id", "", KEY_ID_LENGTH)

    def derive(self, kind: str, purpose: str, length: int = KEY_LENGTH) -> bytes:
        """Return `length` bytes of HKDF-SHA256 (RFC 5869; no salt, the key being uniform).

        info = LP("hvx-vault/1", kind, purpose): what one kind derives, no other can.
        """
        info = lp(_LABEL, kind, purpose)
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(self._material)

    def envelope_key(self, kind: str, purpose: str) -> EnvelopeKey:
        """Return the key that seals for one kind and purpose, named by the root key's id."""
        key = self._envelope_keys.get((kind, purpose))
        if key is None:
            key = self._envelope_keys[kind, purpose] = EnvelopeKey(self.id, self.derive(kind, purpose))
        return key

    def __repr__(self) -> str:
        return "<RootKey>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a key is not copied or pickled")


def load(path: Path) -> RootKey:
    """Read the root key, or raise RootKeyMissing or RootKeyUnsafe.

    What is judged is the open file, not its name, so nothing can be swapped between
    the judgement and the reading.
    """
    try:
        # O_NONBLOCK: a pipe put in the key's place must be refused, not waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise RootKeyMissing(
            f"there is no root key at {path}: put back the one that belongs to this database"
        ) from None
    except OSError as error:
        reason = "is a symbolic link" if error.errno == errno.ELOOP else f"cannot be opened: {error.strerror}"
        raise RootKeyUnsafe(f"the root key at {path} {reason}") from None
    try:
        _refuse_unsafe(path, os.fstat(descriptor))
        return RootKey(os.read(descriptor, ROOT_KEY_LENGTH))
    finally:
        os.close(descriptor)


def _refuse_unsafe(path: Path, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        reason = "is not a regular file"
    elif found.st_uid != os.geteuid():
        reason = "belongs to another user"
    elif mode not in (0o600, 0o400):
        reason = f"has mode {mode:04o}, so others may reach it: chmod 600"
    elif found.st_size != ROOT_KEY_LENGTH:
        reason = f"has {found.st_size} bytes instead of {ROOT_KEY_LENGTH}"
    else:
        return
    raise RootKeyUnsafe(f"the root key at {path} {reason}")


def load_or_create(path: Path) -> RootKey:
    """Read the root key; where there is none, make one that lasts and read that.

    The key is written whole to a file of another name, forced to the disk, and then
    linked into place. A link never replaces a file: of several processes that try at
    once one wins, the others read its key, and a crash leaves no half of a key.
    """
    try:
        return load(path)
    except RootKeyMissing:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(draft, flags, 0o600), "wb") as file:
        try:
            os.fchmod(file.fileno(), 0o600)
            file.write(os.urandom(ROOT_KEY_LENGTH))
            file.flush()
            os.fsync(file.fileno())
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return load(path)

"""A credential of systemd's: 32 bytes that the service manager puts before this service alone.

systemd decrypts it (LoadCredentialEncrypted=, bound to the machine or its TPM) into memory that is never
swapped, and sets CREDENTIALS_DIRECTORY; systemd.exec(5), systemd-creds(1).
"""

import os
from pathlib import Path

from vault.errors import ProtectorUnusable
from vault.memory import LockedBytes

KIND = "credential"
NAME = "hvx-root"
_KEY_LENGTH = 32


def kek() -> LockedBytes:
    """Return the credential. Raises ProtectorUnusable where systemd gives none.

    Mode and owner are not judged: the folder is systemd's, and it lets this service in by an ACL.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise ProtectorUnusable("systemd gives this process no credentials (LoadCredentialEncrypted=)")
    key = LockedBytes(_KEY_LENGTH)
    try:
        descriptor = os.open(Path(folder) / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ProtectorUnusable(f"the credential {NAME} cannot be read: {error.strerror}") from None
    try:
        if os.fstat(descriptor).st_size != _KEY_LENGTH or os.readv(descriptor, [key.view]) != _KEY_LENGTH:
            raise ProtectorUnusable(f"the credential {NAME} is not {_KEY_LENGTH} bytes long")
    finally:
        os.close(descriptor)
    return key

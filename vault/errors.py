"""What can go wrong in the vault, and the base of every error told to a caller."""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class Problem(Exception):
    """An error told to a caller as RFC 9457 `application/problem+json`.

    `status`, `code` and `title` belong to the class; `detail`, field errors
    and further headers to the occasion. All of them are read by strangers.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong on this server."

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Mapping[str, Sequence[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.errors = {field: list(messages) for field, messages in (errors or {}).items()}
        self.headers = dict(headers or {})


class Sealed(Problem):
    """The call needs a secret that the vault does not give out now."""

    status = 503
    code = "sealed"
    title = "The server's vault is sealed."


class StorageUnavailable(Problem):
    """Database, cache or another place where things are kept does not answer now."""

    status = 503
    code = "storage_unavailable"
    title = "Where the server keeps this does not answer now; try again."


class RootKeyError(Sealed):
    """The root key cannot be used. `str()` tells the operator why; a stranger reads `sealed`."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.args = (reason,)


class RootKeyMissing(RootKeyError):
    """There is no root key where the settings say it is, and none may be invented."""


class RootKeyUnsafe(RootKeyError):
    """The root key's file is not a regular file of 32 bytes that its owner alone can read."""


class RootKeyMismatch(RootKeyError):
    """The root key is not the one that the key ring is wrapped under."""


class RingMissing(Sealed):
    """The key ring has no key for a purpose: the database was not migrated by this version."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.args = (reason,)


class CannotOpen(Exception):
    """A sealed value does not open: it was altered, moved, or its key is gone.

    Says nothing of the value, and never reaches a caller as anything but a 500.
    """

"""The base of every error told to a caller, and what the audit refuses for.

The base stands here because this room is below all others, and each has errors of its own.
"""

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


class StorageUnavailable(Problem):
    """Database, cache or another place where things are kept does not answer now."""

    status = 503
    code = "storage_unavailable"
    title = "Where the server keeps this does not answer now; try again."


class AuditUnavailable(Problem):
    """The event could not be written down, so what it tells of does not happen."""

    status = 503
    code = "audit_unavailable"
    title = "The server could not record this in its audit, so nothing was done; try again."

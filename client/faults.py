"""What can go wrong around the protocol, each with a sentence for the user."""


class Fault(Exception):
    """Something that a user is told in one sentence. Holds no secret."""


class GnupgFault(Fault):
    """GnuPG is missing, or did not do what it was asked."""


class KeyFault(Fault):
    """A key or key block is not what it must be."""


class ProfileFault(Fault):
    """The profile folder cannot be used as it is."""


class NoAnswer(Fault):
    """The server could not be reached, or did not answer in the protocol."""


class ApiError(Fault):
    """The server refused, by a problem of RFC 9457. `code` is for programs."""

    def __init__(self, status: int, code: str, detail: str = "", retry_after: str | None = None) -> None:
        super().__init__(detail or code)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after = retry_after

"""Every code that the socket speaks, with a sentence: in `error` frames and as the reason of a close."""

from typing import Final

from django.db import InterfaceError, OperationalError

from audit.errors import AuditUnavailable, Problem, StorageUnavailable
from devices.errors import DeviceRevoked
from keyexchange.protocol.refusals import (
    BadDevice,
    BadFrame,
    ExchangeOpen,
    OutOfOrder,
    RateLimited,
    Refused,
    UnknownDevice,
)

try:
    from redis.exceptions import RedisError as RedisError
except ImportError:
    # Who does without Redis's library (hvx/serving/lean.py) meets none of its errors.
    class RedisError(Exception):  # type: ignore[no-redef]
        """Never raised."""


class SubprotocolRequired(Problem):
    status = 400
    code = "subprotocol_required"
    title = "Offer the subprotocol hvx.keyexchange.v1."


REFUSALS: Final[tuple[type[Refused], ...]] = (
    BadFrame,
    BadDevice,
    OutOfOrder,
    UnknownDevice,
    ExchangeOpen,
    RateLimited,
)

ERROR_FRAMES: Final[dict[str, str]] = {
    **{refusal.code: refusal.sentence for refusal in REFUSALS},
    StorageUnavailable.code: "The exchange cannot be recorded at the moment; send the frame again.",
    AuditUnavailable.code: "The server cannot write this down at the moment; send the frame again.",
    "sealed": "The server's vault is sealed; send the frame again later.",
}
"""The `code` of an `error` frame. The socket stays open and the exchange is as it was."""

CLOSE_REFUSED: Final = 4401
CLOSE_REVOKED: Final = 4403
CLOSE_SUPERSEDED: Final = 4409
CLOSE_FAILED: Final = 1011
CLOSE_TRY_AGAIN: Final = 1013

UNREACHABLE: Final = (OperationalError, InterfaceError, RedisError, TimeoutError)
"""What is raised where the database or Redis does not answer. Their texts may quote a query."""


def problem_of(error: Exception) -> Problem | None:
    """The problem that a client is told of; None for an exception that nobody expected."""
    if isinstance(error, UNREACHABLE):
        return StorageUnavailable()
    return error if isinstance(error, Problem) else None


def closing(error: Exception) -> tuple[int, str]:
    """The code and the reason with which a socket closes that this exception ends."""
    match problem_of(error):
        case None:
            return CLOSE_FAILED, ""
        case DeviceRevoked():
            return CLOSE_REVOKED, DeviceRevoked.code
        case problem:
            return CLOSE_REFUSED if problem.status < 500 else CLOSE_TRY_AGAIN, problem.code


def where(error: BaseException) -> str:
    """The innermost line of the traceback: file and number, no values."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "nowhere" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


CLOSE_CODES: Final[dict[int, str]] = {
    CLOSE_REFUSED: "The upgrade was refused; the reason is the code of the same refusal over HTTP, "
    "or subprotocol_required.",
    CLOSE_REVOKED: "The device has ended.",
    CLOSE_SUPERSEDED: "The device has opened a newer socket.",
    CLOSE_FAILED: "The server failed; connect again.",
    CLOSE_TRY_AGAIN: "Database, cache or vault do not answer now; the reason is the code. "
    "Connect again later.",
}

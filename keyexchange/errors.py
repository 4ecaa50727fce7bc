"""Every code that the socket speaks, with a sentence: in `error` frames and as the reason of a close."""

from typing import Final

from keyexchange.protocol.refusals import (
    BadDevice,
    BadFrame,
    ExchangeOpen,
    OutOfOrder,
    RateLimited,
    Refused,
    UnknownDevice,
)
from vault.errors import Problem, StorageUnavailable


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
    "sealed": "The server's vault is sealed; send the frame again later.",
}
"""The `code` of an `error` frame. The socket stays open and the exchange is as it was."""

CLOSE_REFUSED: Final = 4401
CLOSE_REVOKED: Final = 4403
CLOSE_SUPERSEDED: Final = 4409
CLOSE_FAILED: Final = 1011
CLOSE_TRY_AGAIN: Final = 1013

CLOSE_CODES: Final[dict[int, str]] = {
    CLOSE_REFUSED: "The upgrade was refused; the reason is the code of the same refusal over HTTP, "
    "or subprotocol_required.",
    CLOSE_REVOKED: "The device has ended.",
    CLOSE_SUPERSEDED: "The device has opened a newer socket.",
    CLOSE_FAILED: "The server failed; connect again.",
    CLOSE_TRY_AGAIN: "The server cannot read its store now; the reason is a code. Connect again later.",
}

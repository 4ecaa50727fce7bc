"""Why an exchange ended, in words fixed beforehand.

From the accept on, no text of the server or the peer is shown: whatever they say is mapped
onto these, and a user reads only sentences that this client brought along.
"""

from enum import StrEnum


class Reason(StrEnum):
    """The first six are the protocol's own words for `cancel`; the rest are this side's."""

    DECLINED = "declined"
    CODE_MISMATCH = "code_mismatch"
    BAD_COMMITMENT = "bad_commitment"
    BAD_PROOF = "bad_proof"
    BAD_KEY = "bad_key"
    USER = "user"

    BAD_FRAME = "bad_frame"
    OUT_OF_ORDER = "out_of_order"
    CHANGED_FRAME = "changed_frame"
    WRONG_SENDER = "wrong_sender"
    WRONG_DEVICE = "wrong_device"
    WRONG_SUITE = "wrong_suite"
    WRONG_METHOD = "wrong_method"
    WRONG_QR = "wrong_qr"
    ZERO_POINT = "zero_point"
    USED_EXCHANGE = "used_exchange"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    RATE_LIMITED = "rate_limited"
    EXCHANGE_OPEN = "exchange_open"
    UNKNOWN_DEVICE = "unknown_device"
    REFUSED_BY_SERVER = "refused_by_server"
    CONNECTION_LOST = "connection_lost"

    @property
    def cancel(self) -> "Reason | None":
        """The word for the other side, or None where the exchange is over without one."""
        if self in CANCEL_REASONS:
            return self
        if self in _SILENT:
            return None
        return Reason.USER if self is Reason.TOO_MANY_ATTEMPTS else Reason.BAD_PROOF


CANCEL_REASONS = frozenset(
    {
        Reason.DECLINED,
        Reason.CODE_MISMATCH,
        Reason.BAD_COMMITMENT,
        Reason.BAD_PROOF,
        Reason.BAD_KEY,
        Reason.USER,
    }
)

_SILENT = frozenset(
    {
        Reason.USED_EXCHANGE,
        Reason.WITHDRAWN,
        Reason.EXPIRED,
        Reason.RATE_LIMITED,
        Reason.EXCHANGE_OPEN,
        Reason.UNKNOWN_DEVICE,
        Reason.REFUSED_BY_SERVER,
        Reason.CONNECTION_LOST,
    }
)


class Refused(Exception):
    """A check of this client failed: the exchange ends, and nothing of it is used."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail or reason.value)
        self.reason = reason
        self.detail = detail

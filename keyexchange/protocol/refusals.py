"""Why a frame is refused. Each refusal changes nothing and goes to the sender as an `error` frame."""

from typing import ClassVar


class Refused(Exception):
    """A frame that is not taken. `code` is for programs, `sentence` for people.

    `detail` may name a field of PROTOCOL §4. It never quotes what the sender sent, so a refusal may
    be logged and told.
    """

    code: ClassVar[str]
    sentence: ClassVar[str]

    def __init__(self, detail: str = "", *, exchange: str | None = None) -> None:
        super().__init__(detail or self.sentence)
        self.detail = detail or self.sentence
        self.exchange = exchange


class BadFrame(Refused):
    code = "bad_frame"
    sentence = "The frame has not the shape or size that PROTOCOL §4 gives it."


class BadDevice(Refused):
    code = "bad_device"
    sentence = "`device` and `device_key` are not those of the token."


class OutOfOrder(Refused):
    code = "out_of_order"
    sentence = "This device may not send this frame now, or the exchange is unknown or over."


class UnknownDevice(Refused):
    code = "unknown_device"
    sentence = "`to` names no active device of the account, or there is none to ask."


class ExchangeOpen(Refused):
    code = "exchange_open"
    sentence = "This device has an exchange that is still open; cancel it or let it end."


class RateLimited(Refused):
    code = "rate_limited"
    sentence = "Too many requests: 5 a device and 10 an account in ten minutes."

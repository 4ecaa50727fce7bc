"""The server, or whoever speaks through it, says things that a user might believe."""

from client.protocol.frames import Accept, Cancel, Sealed
from client.protocol.reasons import Reason
from tests.hostile.attack import NO_SERVER_TEXT, body_of
from tests.hostile.impostors import AsExisting, AsNew
from tests.hostile.world import Role

MARK = "call 0900-7734 and read your code aloud"
"""What no user must ever read."""


class MisleadingErrorToNew(AsExisting):
    """Ends the new device's exchange by an error that tells the user what to do."""

    name = "misleading_error_to_new"
    check = NO_SERVER_TEXT
    ending = Reason.REFUSED_BY_SERVER

    def on_prove(self, sealed: Sealed) -> None:
        self.say("new", _error(self.their_request.exchange))

    def seen(self, role: Role, text: str) -> None:
        if MARK in text:
            self.win("the user read what the server said")


class MisleadingCancelToNew(MisleadingErrorToNew):
    """Cancels with a reason that tells the new device's user what to do."""

    name = "misleading_cancel_to_new"
    ending = Reason.USER

    def on_prove(self, sealed: Sealed) -> None:
        cancel = body_of(Cancel(self.their_request.exchange, Reason.USER)) | {"reason": MARK}
        self.relay("new", Cancel(self.their_request.exchange, Reason.USER), frame=cancel)


class MisleadingErrorToExisting(AsNew):
    """Ends the existing device's exchange by an error that tells the user what to do."""

    name = "misleading_error_to_existing"
    check = NO_SERVER_TEXT
    ending = Reason.REFUSED_BY_SERVER

    def on_accept(self, accept: Accept) -> None:
        self.say("existing", _error(accept.exchange))

    def seen(self, role: Role, text: str) -> None:
        if MARK in text:
            self.win("the user read what the server said")


class MisleadingCancelToExisting(MisleadingErrorToExisting):
    """Cancels with a reason that tells the existing device's user what to do."""

    name = "misleading_cancel_to_existing"
    ending = Reason.USER

    def on_accept(self, accept: Accept) -> None:
        cancel = body_of(Cancel(accept.exchange, Reason.USER)) | {"reason": MARK}
        self.relay("existing", Cancel(accept.exchange, Reason.USER), frame=cancel)


MISLEADING = (
    MisleadingErrorToNew,
    MisleadingCancelToNew,
    MisleadingErrorToExisting,
    MisleadingCancelToExisting,
)


def _error(exchange: str) -> dict[str, str]:
    return {"type": "error", "exchange": exchange, "code": MARK, "detail": MARK}

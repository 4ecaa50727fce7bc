"""How a command ends: one sentence and one exit code for each ending."""

from dataclasses import dataclass
from enum import IntEnum

from client.device import NotLoggedIn
from client.faults import ApiError, NoAnswer
from client.protocol.reasons import Reason


class Exit(IntEnum):
    """The exit codes of `hvx`, beside 2 for a wrong command line."""

    DONE = 0
    FAILED = 1
    NOT_LOGGED_IN = 3
    SERVER_REFUSED = 4
    NO_ANSWER = 5
    DEVICE_REVOKED = 6
    DECLINED = 10
    WRONG_CODE = 11
    EXPIRED = 12
    ENDED_ELSEWHERE = 13
    CHECK_FAILED = 14
    TOO_MANY_ATTEMPTS = 15
    NOT_VERIFIED = 16
    CANCELLED = 17
    UNCONFIRMED = 18


MEANINGS = {
    Exit.DONE: "done",
    Exit.FAILED: "failed for a reason that has no code of its own",
    Exit.NOT_LOGGED_IN: "nobody is logged in in this profile",
    Exit.SERVER_REFUSED: "the server refused",
    Exit.NO_ANSWER: "the server cannot be reached or does not speak the protocol",
    Exit.DEVICE_REVOKED: "this device was revoked",
    Exit.DECLINED: "the other device's user declined",
    Exit.WRONG_CODE: "a code was typed that is not the one shown",
    Exit.EXPIRED: "two minutes passed before the handoff was complete",
    Exit.ENDED_ELSEWHERE: "the other device or the server ended the handoff",
    Exit.CHECK_FAILED: "a check failed: somebody may be interfering",
    Exit.TOO_MANY_ATTEMPTS: "too many attempts came to nothing; rest an hour",
    Exit.NOT_VERIFIED: "verify found something that does not hold",
    Exit.CANCELLED: "you cancelled",
    Exit.UNCONFIRMED: "the key was handed over, but the other device did not confirm it",
}


class Ending(Exception):
    """Ends a command: the sentence is shown, the code is the process's."""

    def __init__(self, exit_code: Exit, sentence: str) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class _Told:
    exit_code: Exit
    sentence: str


_BY_SELF = {
    Reason.CODE_MISMATCH: _Told(
        Exit.WRONG_CODE,
        "That is not the code of this handoff, so it has ended and no key was taken or given; start again.",
    ),
    Reason.DECLINED: _Told(Exit.DECLINED, "You declined; the key was not handed over."),
    Reason.USER: _Told(Exit.CANCELLED, "You cancelled; the handoff has ended."),
    Reason.EXPIRED: _Told(Exit.EXPIRED, "Two minutes have passed, so the handoff has ended; start again."),
    Reason.TOO_MANY_ATTEMPTS: _Told(
        Exit.TOO_MANY_ATTEMPTS,
        "Three handoffs came to nothing within an hour. This device takes part in none for an hour: "
        "somebody may be trying codes.",
    ),
    Reason.BAD_COMMITMENT: _Told(
        Exit.CHECK_FAILED,
        "The other device revealed something else than it had committed to. Somebody may be in the middle; "
        "the key was not handed over.",
    ),
    Reason.BAD_PROOF: _Told(
        Exit.CHECK_FAILED,
        "The other side could not prove that it is the device that asked; the handoff has ended.",
    ),
    Reason.BAD_KEY: _Told(
        Exit.CHECK_FAILED,
        "The key that came is not this account's, or is damaged; it was not taken.",
    ),
    Reason.WRONG_QR: _Told(
        Exit.CHECK_FAILED,
        "The scanned code is not of the request that the server passed on; the key was not handed over.",
    ),
}

_BY_PEER = {
    Reason.DECLINED: _Told(Exit.DECLINED, "The other device's user declined; no key was handed over."),
    Reason.CODE_MISMATCH: _Told(
        Exit.WRONG_CODE,
        "On the other device a wrong code was typed, so the handoff has ended; start again.",
    ),
    Reason.USER: _Told(Exit.ENDED_ELSEWHERE, "The other device cancelled; the handoff has ended."),
    Reason.BAD_COMMITMENT: _Told(
        Exit.CHECK_FAILED,
        "The other device found a commitment that does not open. Somebody may be in the middle; "
        "no key was handed over.",
    ),
    Reason.BAD_PROOF: _Told(
        Exit.CHECK_FAILED,
        "The other device found a frame that breaks the protocol. Somebody may be in the middle; "
        "the handoff has ended.",
    ),
    Reason.BAD_KEY: _Told(
        Exit.CHECK_FAILED, "The other device did not accept the key; it says that it did not take it."
    ),
}

_BY_SERVER = {
    Reason.EXPIRED: _Told(Exit.EXPIRED, "Two minutes have passed, so the handoff has ended; start again."),
    Reason.WITHDRAWN: _Told(
        Exit.ENDED_ELSEWHERE,
        "The request is no longer open: another device answered it, or it was withdrawn.",
    ),
    Reason.RATE_LIMITED: _Told(
        Exit.TOO_MANY_ATTEMPTS, "The server allows no more requests for now; wait ten minutes."
    ),
    Reason.EXCHANGE_OPEN: _Told(
        Exit.SERVER_REFUSED, "This device has asked already; wait two minutes and start again."
    ),
    Reason.UNKNOWN_DEVICE: _Told(
        Exit.SERVER_REFUSED, "The device that was asked is not an active one of the account."
    ),
}

_BROKEN = _Told(
    Exit.CHECK_FAILED,
    "Something came that breaks the protocol. Somebody may be interfering; the handoff has ended "
    "and no key was taken or given.",
)
_SERVER_ENDED = _Told(Exit.ENDED_ELSEWHERE, "The server ended the handoff; start again.")


def ending_of(reason: Reason, by: str) -> Ending:
    """The sentence and exit code of a handoff that ended without success."""
    match by:
        case "peer":
            told = _BY_PEER.get(reason, _BY_PEER[Reason.USER])
        case "server":
            told = _BY_SERVER.get(reason, _SERVER_ENDED)
        case _:
            told = _BY_SELF.get(reason, _BROKEN)
    return Ending(told.exit_code, told.sentence)


_API_SENTENCES = {
    "invalid_credentials": "Name or password is wrong.",
    "username_taken": "That username is taken.",
    "email_taken": "That e-mail address has an account already.",
    "registration_closed": "This server takes no registrations.",
    "invite_invalid": "The invite is missing, used up or expired.",
    "last_device": (
        "This is the account's last active device. Nobody could log in again without the account key: "
        "if you have a back-up of it, repeat with --key-backed-up."
    ),
    "password_wrong": "The password is wrong.",
    "unknown_account": "There is no such account on that server.",
    "device_key_in_use": "This device's key belongs to another account; name another folder with --home.",
    "invalid_access_key": "The server knows no such access key.",
    "access_key_expired": "The time of this access key is over.",
    "access_key_limit": "The account has as many access keys as it may; end one first.",
    "sealed": "The server is sealed: its operator has to open it first.",
}


def ending_of_fault(fault: Exception) -> Ending:
    """The sentence and exit code of everything else that a command can meet."""
    match fault:
        case ApiError(code="device_revoked"):
            return Ending(
                Exit.DEVICE_REVOKED,
                "This device was revoked or logged out; hvx logout erases what is left here.",
            )
        case ApiError(code="rate_limited"):
            wait = f" for {fault.retry_after} seconds" if (fault.retry_after or "").isdigit() else ""
            return Ending(Exit.TOO_MANY_ATTEMPTS, f"The server allows no more attempts{wait}.")
        case ApiError():
            sentence = _API_SENTENCES.get(fault.code, f"The server refused: {fault.detail} ({fault.code})")
            return Ending(Exit.SERVER_REFUSED, sentence)
        case NoAnswer():
            return Ending(Exit.NO_ANSWER, str(fault))
        case NotLoggedIn():
            return Ending(Exit.NOT_LOGGED_IN, str(fault))
        case _:
            return Ending(Exit.FAILED, str(fault))

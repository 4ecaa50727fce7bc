"""Why something is no OpenPGP encrypted message."""

from enum import StrEnum


class Reason(StrEnum):
    """Each value is a clause for people."""

    EMPTY = "it is empty"
    NOT_OPENPGP = "it is not OpenPGP"
    LITERAL = "it holds data in the open"
    COMPRESSED = "it holds compressed data in the open"
    SIGNED = "it is signed and not encrypted, or signed outside of the encryption"
    KEY = "it holds a key"
    NO_INTEGRITY = "it is encrypted without protection of its integrity"
    UNEXPECTED = "it holds a packet that an encrypted message does not have"
    NO_SESSION_KEY = "it is encrypted to nobody"
    BAD_SESSION_KEY = "it holds a session key that cannot be one"
    MIXED = "its session keys are not for the data that follows"
    BAD_DATA = "its encrypted data cannot be such"
    BAD_LENGTH = "it holds a packet whose length is told in a way that is not allowed there"
    TOO_LONG = "it holds a packet that is too long"
    TOO_MANY = "it holds too many packets"
    AFTER_END = "something follows the encrypted message"
    TRUNCATED = "it ends too early"
    BAD_ARMOR = "its armor is damaged, or holds what armor does not hold"
    ARMOR_IN_ARMOR = "it is armored twice"


class NotEncrypted(ValueError):
    """What was given is no single encrypted message. Tells the reason and quotes nothing."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason

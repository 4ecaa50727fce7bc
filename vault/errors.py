"""What can go wrong in the vault."""

from audit.errors import Problem


class Sealed(Problem):
    """The call needs a secret that the vault does not give out now."""

    status = 503
    code = "sealed"
    title = "The server's vault is sealed."


class RootKeyError(Sealed):
    """The root key cannot be used. `str()` tells the operator why; a stranger reads `sealed`."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.args = (reason,)


class RootKeyMissing(RootKeyError):
    """There is no vault file or root key where the settings say it is, and none may be invented."""


class RootKeyUnsafe(RootKeyError):
    """A file of the vault's is not a regular file of the right size that its owner alone can read."""


class RootKeyMismatch(RootKeyError):
    """The root key is not the one that the key ring is wrapped under."""


class VaultFileDamaged(RootKeyError):
    """The vault's file cannot be read, or was changed by somebody who does not hold the root key."""


class ProtectorUnusable(RootKeyError):
    """What should open the root key is not there, or asks for what is refused."""


class WaitsForPeople(RootKeyError):
    """The vault has nothing that opens it by itself."""

    def __init__(self) -> None:
        super().__init__("it waits for a passphrase or shares: at a terminal, or by --stdin or --fd")


class RingMissing(Sealed):
    """The key ring has no key for a purpose: lost, or the database was not migrated by this version."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.args = (reason,)


class CannotOpen(Exception):
    """A sealed value does not open: it was altered, moved, or its key is gone.

    Says nothing of the value, and never reaches a caller as anything but a 500.
    """

"""Opening the vault with what people bring: a passphrase, or shares one at a time from several of them."""

from dataclasses import dataclass
from pathlib import Path

from vault import attempts, vaultfile
from vault.errors import CannotOpen
from vault.protectors import passphrase, shares
from vault.protectors.shares import Gathering, WrongShare
from vault.rootkey import RootKey
from vault.vaultfile import Protector, Vault


class WrongPassphrase(Exception):
    """The passphrase opens nothing here; the sentence says no more."""


@dataclass(frozen=True)
class Progress:
    """How many shares of a set were brought, and how many open the vault; the vault once they did."""

    have: int
    need: int
    vault: Vault | None = None


class Unsealing:
    """One attempt at a time to open the vault's file; whoever wants to be safe calls it from one thread.

    Every attempt is written down before its outcome is told (vault/attempts.py). Making one raises
    RootKeyMissing, RootKeyUnsafe, VaultFileDamaged. The file may change meanwhile: it is read anew
    for every share and passphrase.
    """

    def __init__(self, vault_path: Path) -> None:
        self._path = vault_path
        self._gatherings = [Gathering(protector) for protector in self._of_kind(shares.KIND)]

    @property
    def wants(self) -> tuple[str, ...]:
        """What people may bring: `passphrase`, `shares`, both or nothing."""
        return tuple(kind for kind in (passphrase.KIND, shares.KIND) if self._of_kind(kind))

    @property
    def progress(self) -> Progress:
        """The set of shares that most were brought of."""
        sets = [Progress(each.have, each.need) for each in self._gatherings]
        return max(sets, key=lambda each: each.have, default=Progress(0, 0))

    def offer(self, text: str) -> Progress:
        """Take a share. Raises WrongShare with a sentence, and keeps what was gathered; RootKeyError."""
        try:
            share = shares.read(text)
            self._follow()
            gathering = next((each for each in self._gatherings if each.is_of(share)), None)
            if gathering is None:
                raise WrongShare(
                    "this share is of another set" if self._gatherings else "this vault has no shares"
                )
            root = gathering.offer(share)
        except WrongShare:
            attempts.note(shares.KIND, "refused")
            raise
        if root is None:
            attempts.note(shares.KIND, "gathered")
            return Progress(gathering.have, gathering.need)
        attempts.note(shares.KIND, "opened")
        self.forget()
        return Progress(gathering.need, gathering.need, self._unlock(root))

    def passphrase(self, text: str) -> Vault:
        """Open by a passphrase; takes about a second for each that the vault has.

        Raises WrongPassphrase, RootKeyError.
        """
        for protector in self._of_kind(passphrase.KIND):
            try:
                root = protector.open(passphrase.kek(protector.parameters, text))
            except CannotOpen:
                continue
            attempts.note(passphrase.KIND, "opened")
            self.forget()
            return self._unlock(root)
        attempts.note(passphrase.KIND, "refused")
        raise WrongPassphrase("this passphrase does not open the vault")

    def forget(self) -> None:
        """Drop the shares that were gathered."""
        for gathering in self._gatherings:
            gathering.forget()

    def _follow(self) -> None:
        """Drop what was gathered for shares that were replaced meanwhile: they open nothing any more."""
        former = {each.protector.id: each for each in self._gatherings}
        self._gatherings = [
            former.get(protector.id) or Gathering(protector) for protector in self._of_kind(shares.KIND)
        ]

    def _unlock(self, root: RootKey) -> Vault:
        return vaultfile.unlock(vaultfile.read(self._path), root)

    def _of_kind(self, kind: str) -> list[Protector]:
        bodies = vaultfile.read(self._path).bodies
        return [protector for body in bodies for protector in body.protectors if protector.kind == kind]

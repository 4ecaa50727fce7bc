"""Opening the vault with what people bring: a passphrase, or shares one at a time from several of them."""

from collections.abc import Iterator
from contextlib import contextmanager
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
    """How many shares of a set were brought, and how many open the vault; the vault once they did.

    `forged` has the numbers of the shares that the vault's key has then shown to be false.
    """

    have: int
    need: int
    vault: Vault | None = None
    forged: tuple[int, ...] = ()


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
        with _written_down(shares.KIND):
            share = shares.read(text)
            self._follow()
            gathering = next((each for each in self._gatherings if each.is_of(share)), None)
            if gathering is None:
                raise WrongShare(
                    "this share is of another set" if self._gatherings else "this vault has no shares"
                )
            root = gathering.offer(share)
            if root is None:
                attempts.note(shares.KIND, "gathered")
                return Progress(gathering.have, gathering.need)
            vault = self._unlock(root)
            for _ in gathering.forged:
                attempts.note(shares.KIND, "forged")
            attempts.note(shares.KIND, "opened")
        self.forget()
        return Progress(gathering.need, gathering.need, vault, gathering.forged)

    def passphrase(self, text: str) -> Vault:
        """Open by a passphrase; takes about a second for each that the vault has.

        Raises WrongPassphrase, RootKeyError.
        """
        with _written_down(passphrase.KIND):
            vault = self._unlock(self._by_passphrase(text))
            attempts.note(passphrase.KIND, "opened")
        self.forget()
        return vault

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

    def _by_passphrase(self, text: str) -> RootKey:
        for protector in self._of_kind(passphrase.KIND):
            try:
                return protector.open(passphrase.kek(protector.parameters, text))
            except CannotOpen:
                continue
        raise WrongPassphrase("this passphrase does not open the vault")

    def _unlock(self, root: RootKey) -> Vault:
        return vaultfile.unlock(vaultfile.read(self._path), root)

    def _of_kind(self, kind: str) -> list[Protector]:
        bodies = vaultfile.read(self._path).bodies
        return [protector for body in bodies for protector in body.protectors if protector.kind == kind]


@contextmanager
def _written_down(kind: str) -> Iterator[None]:
    """Note what ends by an error, whichever it is, as an attempt that was refused."""
    try:
        yield
    except Exception:
        attempts.note(kind, "refused")
        raise

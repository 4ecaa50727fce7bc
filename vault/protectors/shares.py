"""Shares: a random key split by SLIP-39, so that any `threshold` of `count` people open the vault.

One group, no passphrase: the key is random, so stretching would add nothing. What a share says is for
whoever types it; no error of this module quotes more of it than the one word that is in no list.
"""

import difflib
import itertools
from dataclasses import dataclass

from shamir_mnemonic import MnemonicError, Share, generate_mnemonics
from shamir_mnemonic.shamir import ShareGroup, recover_ems
from shamir_mnemonic.wordlist import WORD_INDEX_MAP

from vault.errors import CannotOpen, ProtectorUnusable
from vault.memory import LockedBytes
from vault.rootkey import RootKey
from vault.vaultfile import Protector

KIND = "shares"
MOST = 16
WORDS = 33
_KEY_LENGTH = 32


class WrongShare(Exception):
    """A share that was not taken; the sentence says why. What was gathered before it stays."""


@dataclass(frozen=True)
class Split:
    """A key and its shares, each to be shown to one person, once."""

    parameters: dict[str, int | str]
    key: LockedBytes
    shares: tuple[str, ...]

    def __repr__(self) -> str:
        return "<Split>"


def protect(threshold: int, count: int) -> Split:
    """Split a new key. Raises ValueError with a sentence for numbers that cannot be."""
    if not 2 <= threshold <= count <= MOST:
        raise ValueError(f"shares are from 2 of 2 to {MOST} of {MOST}: at least two must come together")
    key = LockedBytes.random(_KEY_LENGTH)
    [shares] = generate_mnemonics(1, [(threshold, count)], bytes(key.view), iteration_exponent=0)
    identifier = Share.from_mnemonic(shares[0]).identifier
    return Split({"identifier": identifier, "threshold": threshold, "count": count}, key, tuple(shares))


class Gathering:
    """The shares brought so far for one protector."""

    def __init__(self, protector: Protector) -> None:
        """Raises ProtectorUnusable for parameters that no split has."""
        numbers(protector)
        self.protector = protector
        self._shares: list[Share] = []

    @property
    def have(self) -> int:
        """How many shares were taken."""
        return len(self._shares)

    @property
    def need(self) -> int:
        """How many open the vault."""
        return numbers(self.protector)[0]

    def is_of(self, share: Share) -> bool:
        """Whether the share says that it belongs to this set."""
        parameters = self.protector.parameters
        return (
            (share.group_threshold, share.group_count, share.iteration_exponent) == (1, 1, 0)
            and share.identifier == parameters.get("identifier")
            and share.member_threshold == parameters.get("threshold")
        )

    def offer(self, share: Share) -> RootKey | None:
        """Take a share; return the root key once it opens. Raises WrongShare."""
        for other in self._shares:
            if other.index == share.index:
                same = "was given already" if other == share else "contradicts one that was given"
                raise WrongShare(f"share {share.index + 1} {same}")
        self._shares.append(share)
        # Any set that holds the newest: with a forged share among them, one more good share is enough.
        for others in itertools.combinations(self._shares[:-1], self.need - 1):
            root = self._open([*others, share])
            if root is not None:
                self._shares.clear()
                return root
        if self.have >= self.need:
            raise WrongShare("these shares do not open the vault: one of them is forged. Bring another one")
        return None

    def forget(self) -> None:
        """Drop what was gathered."""
        self._shares.clear()

    def _open(self, shares: list[Share]) -> RootKey | None:
        group = ShareGroup()
        for share in shares:
            group.add(share)
        try:
            key = LockedBytes.of(recover_ems({0: group}).decrypt(b""))
            return self.protector.open(key)
        except (MnemonicError, CannotOpen):
            return None

    def __repr__(self) -> str:
        return f"<Gathering {self.have} of {self.need}>"


def numbers(protector: Protector) -> tuple[int, int]:
    """Return how many shares open the vault, of how many. Raises ProtectorUnusable."""
    threshold, count = (protector.parameters.get(name) for name in ("threshold", "count"))
    if type(threshold) is int and type(count) is int and 2 <= threshold <= count <= MOST:
        return threshold, count
    raise ProtectorUnusable("the vault file asks for shares in numbers that cannot be: it was changed")


def read(text: str) -> Share:
    """Return the share that somebody typed. Raises WrongShare, which names a word that is in no list."""
    words = text.lower().split()
    for place, word in enumerate(words, 1):
        if word not in WORD_INDEX_MAP:
            close = difflib.get_close_matches(word, WORD_INDEX_MAP, n=1)
            hint = f"; '{close[0]}' is" if close else ""
            raise WrongShare(f"word {place}, '{word[:20]}', is not in the list{hint}")
    if len(words) != WORDS:
        raise WrongShare(f"a share of this vault has {WORDS} words, and these are {len(words)}")
    try:
        return Share.from_mnemonic(" ".join(words))
    except MnemonicError:
        # Its own text quotes the first words.
        raise WrongShare(
            "the checksum does not hold: a word is another one of the list, or two have changed places"
        ) from None

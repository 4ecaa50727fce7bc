"""Shares: a random key split by SLIP-39, so that any `threshold` of `count` people open the vault.

One group, no passphrase: the key is random, so stretching would add nothing. What a share says is for
whoever types it; no error of this module quotes more of it than the one word that is in no list.
"""

import difflib
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from shamir_mnemonic import MnemonicError, Share, generate_mnemonics, rs1024
from shamir_mnemonic.constants import CHECKSUM_LENGTH_WORDS, CUSTOMIZATION_STRING_EXTENDABLE, RADIX_BITS
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
# Sets of shares that are tried for one share that comes, a second of work at most. Two or three forged
# shares are far below it in any split, however they are chosen.
_MOST_TRIES = 4096


class WrongShare(Exception):
    """A share that does not help; the sentence says why. What was gathered before it stays.

    `kept`: it is gathered all the same, for it may be another one that is false.
    """

    def __init__(self, sentence: str, *, kept: bool = False) -> None:
        super().__init__(sentence)
        self.kept = kept


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
    [shares] = generate_mnemonics(
        1, [(threshold, count)], bytes(key.view), iteration_exponent=0, extendable=True
    )
    identifier = Share.from_mnemonic(shares[0]).identifier
    return Split({"identifier": identifier, "threshold": threshold, "count": count}, key, tuple(shares))


class Gathering:
    """The shares brought so far for one protector.

    One that is forged, checksum and all, cannot be told from a genuine one before the vault opens. So
    each is kept, also several of one number, and every set that may be the right one is tried.
    """

    def __init__(self, protector: Protector) -> None:
        """Raises ProtectorUnusable for parameters that no split has."""
        numbers(protector)
        self.protector = protector
        self._shares: list[Share] = []
        # The numbers of those that the key has shown to be forged.
        self.forged: tuple[int, ...] = ()

    @property
    def have(self) -> int:
        """How many shares of different numbers were taken."""
        return len({share.index for share in self._shares})

    @property
    def need(self) -> int:
        """How many open the vault."""
        return numbers(self.protector)[0]

    def is_of(self, share: Share) -> bool:
        """Whether the share says that it belongs to this set."""
        parameters = self.protector.parameters
        return (
            (share.group_index, share.group_threshold, share.group_count) == (0, 1, 1)
            and share.extendable
            and share.iteration_exponent == 0
            and share.index < numbers(self.protector)[1]
            and share.identifier == parameters.get("identifier")
            and share.member_threshold == parameters.get("threshold")
        )

    def offer(self, share: Share) -> RootKey | None:
        """Take a share; return the root key once it opens, and have the false ones named in `forged`.

        Raises WrongShare. Where so many do not fit together that more than 4096 sets would have to be
        tried, it is not kept, and what was gathered has to be dropped. A share that opens is not kept
        either, and the others are the caller's to forget: should what follows fail, it is brought again.
        """
        if share in self._shares:
            raise WrongShare(f"share {share.index + 1} was given already")
        others = [other for other in self._shares if other.index != share.index]
        if math.comb(len(others), self.need - 1) > _MOST_TRIES:
            raise WrongShare(
                "too many of the shares that were brought are forged: `vault seal` drops them all, "
                "and they are brought again"
            )
        contradicts = len(others) < len(self._shares)
        # Any set that holds the newest: with a forged share among them, one more good share is enough.
        for chosen in itertools.combinations(others, self.need - 1):
            root = self._open([*chosen, share])
            if root is not None:
                self.forged = self._forged_beside([*chosen, share])
                return root
        self._shares.append(share)
        if contradicts:
            raise WrongShare(
                f"share {share.index + 1} contradicts one that was given: one of the two is forged. "
                "Both are kept; bring the others",
                kept=True,
            )
        if self.have >= self.need:
            raise WrongShare(
                "these shares do not open the vault: one of them is forged. Bring another one", kept=True
            )
        return None

    def forget(self) -> None:
        """Drop what was gathered."""
        self._shares.clear()

    def _forged_beside(self, genuine: list[Share]) -> tuple[int, ...]:
        """Return the numbers of the shares that do not open in place of one of these, which do."""
        found = set()
        for share in self._shares:
            if share in genuine:
                continue
            kept = [each for each in genuine if each.index != share.index]
            if len(kept) < self.need or self._open([*kept[1:], share]) is None:
                found.add(share.index + 1)
        return tuple(sorted(found))

    def _open(self, shares: list[Share]) -> RootKey | None:
        try:
            group = ShareGroup()
            for share in shares:
                group.add(share)
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
    """Return the share that somebody typed.

    Raises WrongShare, which names a word that is in no list, or the place of one that is another of it.
    """
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
        wrong = _mistyped([WORD_INDEX_MAP[word] for word in words])
        reason = (
            "several words are others of the list, or two have changed places"
            if wrong is None
            else f"word {wrong} is another one of the list"
        )
        raise WrongShare(f"the checksum does not hold: {reason}") from None


def _mistyped(words: Sequence[int]) -> int | None:
    """Return the place, from 1, of the one word whose change makes the checksum hold; None if none does.

    The code's distance is four (SLIP-39, "Checksum"): one wrong word has one place, and two wrong ones
    are never taken for one.
    """
    data = words[:-CHECKSUM_LENGTH_WORDS]
    wrong = _difference(_checksum(data), words[-CHECKSUM_LENGTH_WORDS:])
    changed = [place for place, each in enumerate(wrong) if each]
    if not changed:
        return None
    if len(changed) == 1:
        return len(data) + changed[0] + 1
    nothing = [0] * len(data)
    for place in range(len(data)):
        # What changing this word does to the checksum: the sums of what each of its bits does.
        reached = {(0,) * CHECKSUM_LENGTH_WORDS}
        for bit in range(RADIX_BITS):
            one = [*nothing[:place], 1 << bit, *nothing[place + 1 :]]
            step = _difference(_checksum(one), _checksum(nothing))
            reached |= {_difference(each, step) for each in reached}
        if wrong in reached:
            return place + 1
    return None


def _checksum(data: Sequence[int]) -> list[int]:
    return list(rs1024.create_checksum(data, CUSTOMIZATION_STRING_EXTENDABLE))


def _difference(one: Sequence[int], other: Sequence[int]) -> tuple[int, ...]:
    return tuple(a ^ b for a, b in zip(one, other, strict=True))

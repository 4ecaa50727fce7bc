"""Shares: any three of five open the vault, two never do, and a wrong one is named and costs nothing."""

import itertools
import re

import pytest
from shamir_mnemonic import Share
from shamir_mnemonic.wordlist import WORDLIST

from vault.errors import ProtectorUnusable
from vault.protectors import shares
from vault.protectors.shares import Gathering, Split, WrongShare
from vault.rootkey import RootKey
from vault.vaultfile import Protector

ROOT = RootKey(bytes(range(32)))


@pytest.fixture(scope="module")
def split() -> Split:
    return shares.protect(3, 5)


@pytest.fixture
def gathering(split: Split) -> Gathering:
    return gathering_for(split)


def gathering_for(split: Split) -> Gathering:
    return Gathering(Protector.make(ROOT, shares.KIND, split.parameters, split.key))


def offer(gathering: Gathering, text: str) -> RootKey | None:
    share = shares.read(text)
    assert gathering.is_of(share)
    return gathering.offer(share)


def forged(share: str) -> str:
    """A share with a right checksum and a wrong value."""
    one = Share.from_mnemonic(share)
    value = bytes([one.value[0] ^ 1]) + one.value[1:]
    return str(Share(**{**one.__dict__, "value": value}).mnemonic())


# --- how many open


def test_every_three_of_five_open_in_any_order(split: Split) -> None:
    for chosen in itertools.permutations(split.shares, 3):
        gathering = gathering_for(split)
        *first, last = [offer(gathering, share) for share in chosen]
        assert first == [None, None]
        assert last is not None
        assert last.id == ROOT.id


def test_no_two_of_five_open(split: Split) -> None:
    for chosen in itertools.combinations(split.shares, 2):
        gathering = gathering_for(split)
        assert [offer(gathering, share) for share in chosen] == [None, None]
        assert (gathering.have, gathering.need) == (2, 3)


def test_two_shares_do_not_open_a_file_that_says_two_are_enough(split: Split) -> None:
    protector = Protector.make(ROOT, shares.KIND, {**split.parameters, "threshold": 2}, split.key)
    assert not Gathering(protector).is_of(shares.read(split.shares[0]))


@pytest.mark.parametrize(("threshold", "count"), [(2, 2), (2, 16), (16, 16)])
def test_from_two_of_two_to_sixteen_of_sixteen_open(threshold: int, count: int) -> None:
    split = shares.protect(threshold, count)
    gathering = gathering_for(split)
    answers = [offer(gathering, share) for share in split.shares[-threshold:]]
    assert [answer is not None for answer in answers] == [False] * (threshold - 1) + [True]


@pytest.mark.parametrize(("threshold", "count"), [(0, 3), (1, 1), (1, 3), (4, 3), (2, 17), (-1, 3)])
def test_other_numbers_are_refused(threshold: int, count: int) -> None:
    with pytest.raises(ValueError, match="from 2 of 2 to 16 of 16"):
        shares.protect(threshold, count)


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 1},
        {"threshold": 6},
        {"threshold": 10**9},
        {"threshold": "3"},
        {"threshold": True},
        {"count": 17},
    ],
)
def test_a_file_with_numbers_that_cannot_be_is_refused(split: Split, change: dict[str, int | str]) -> None:
    protector = Protector.make(ROOT, shares.KIND, {**split.parameters, **change}, split.key)
    with pytest.raises(ProtectorUnusable, match="it was changed"):
        Gathering(protector)
    bare = Protector.make(ROOT, shares.KIND, {}, split.key)
    with pytest.raises(ProtectorUnusable, match="it was changed"):
        Gathering(bare)


# --- a wrong one


def test_a_mistyped_word_is_named_with_its_place(split: Split, gathering: Gathering) -> None:
    assert offer(gathering, split.shares[0]) is None
    for place in range(33):
        words = split.shares[1].split()
        words[place] += "q"
        with pytest.raises(WrongShare, match=f"word {place + 1}, '{words[place]}', is not in the list"):
            offer(gathering, " ".join(words))
    assert gathering.have == 1


def test_the_word_that_was_meant_is_offered() -> None:
    with pytest.raises(WrongShare, match="word 1, 'acadamic', is not in the list; 'academic' is"):
        shares.read("acadamic acid")


def test_another_word_of_the_list_breaks_the_checksum(split: Split) -> None:
    for place in range(33):
        words = split.shares[1].split()
        words[place] = WORDLIST[(WORDLIST.index(words[place]) + 1) % len(WORDLIST)]
        with pytest.raises(WrongShare, match="the checksum does not hold") as refusal:
            shares.read(" ".join(words))
        assert not re.search(r"\b" + words[0] + r"\b", str(refusal.value))


def test_two_words_that_changed_places_break_the_checksum(split: Split) -> None:
    words = split.shares[1].split()
    words[10], words[11] = words[11], words[10]
    with pytest.raises(WrongShare, match="two have changed places"):
        shares.read(" ".join(words))


@pytest.mark.parametrize("length", [0, 1, 20, 32, 34, 5000])
def test_a_share_of_another_length_is_refused(split: Split, length: int) -> None:
    words = (split.shares[0].split() * 200)[:length]
    with pytest.raises(WrongShare, match=f"has 33 words, and these are {length}"):
        shares.read(" ".join(words))


def test_case_and_space_do_not_matter(split: Split, gathering: Gathering) -> None:
    assert offer(gathering, "  \t".join(split.shares[0].upper().split()) + "\n") is None
    assert gathering.have == 1


def test_the_same_share_twice_counts_once(split: Split, gathering: Gathering) -> None:
    offer(gathering, split.shares[0])
    with pytest.raises(WrongShare, match="share 1 was given already"):
        offer(gathering, split.shares[0])
    assert gathering.have == 1


def test_a_share_that_contradicts_another_is_refused(split: Split, gathering: Gathering) -> None:
    offer(gathering, split.shares[0])
    with pytest.raises(WrongShare, match="share 1 contradicts"):
        offer(gathering, forged(split.shares[0]))
    assert gathering.have == 1


def test_a_share_of_another_set_is_none_of_this_one(gathering: Gathering) -> None:
    assert not gathering.is_of(shares.read(shares.protect(3, 5).shares[0]))


def test_a_forged_share_costs_one_good_share_more(split: Split, gathering: Gathering) -> None:
    offer(gathering, forged(split.shares[4]))
    offer(gathering, split.shares[0])
    with pytest.raises(WrongShare, match="one of them is forged"):
        offer(gathering, split.shares[1])
    root = offer(gathering, split.shares[2])
    assert root is not None
    assert root.id == ROOT.id


def test_shares_of_the_right_set_open_no_protector_of_another_root_key(split: Split) -> None:
    other = shares.protect(3, 5)
    protector = Protector.make(ROOT, shares.KIND, split.parameters, other.key)
    gathering = Gathering(protector)
    offer(gathering, split.shares[0])
    offer(gathering, split.shares[1])
    with pytest.raises(WrongShare, match="do not open the vault"):
        offer(gathering, split.shares[2])


def test_nothing_of_shares_or_keys_is_shown(split: Split, gathering: Gathering) -> None:
    offer(gathering, split.shares[0])
    assert repr(split) == "<Split>"
    assert repr(gathering) == "<Gathering 1 of 3>"

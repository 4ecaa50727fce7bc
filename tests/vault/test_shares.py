"""Shares: any three of five open the vault, two never do, and a wrong one is named and costs nothing."""

import itertools
import re
from dataclasses import replace

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


def forged(share: str, flip: int = 1) -> str:
    """A share with a right checksum and a wrong value."""
    one = Share.from_mnemonic(share)
    return str(replace(one, value=bytes([one.value[0] ^ flip]) + one.value[1:]).mnemonic())


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


def test_another_word_of_the_list_breaks_the_checksum_and_its_place_is_named(split: Split) -> None:
    for place in range(33):
        words = split.shares[1].split()
        words[place] = WORDLIST[(WORDLIST.index(words[place]) + 1 + 31 * place) % len(WORDLIST)]
        with pytest.raises(WrongShare, match="the checksum does not hold") as refusal:
            shares.read(" ".join(words))
        assert f"word {place + 1} is another one of the list" in str(refusal.value)
        told = str(refusal.value).partition("word ")[0]
        assert not re.search(r"\b" + words[0] + r"\b", told)


def test_two_wrong_words_are_not_taken_for_one(split: Split) -> None:
    for place in range(0, 32, 3):
        words = split.shares[1].split()
        for wrong in (place, place + 1):
            words[wrong] = WORDLIST[(WORDLIST.index(words[wrong]) + 5) % len(WORDLIST)]
        with pytest.raises(WrongShare, match="several words"):
            shares.read(" ".join(words))


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


def test_a_share_that_contradicts_another_is_told_and_both_are_tried(split: Split) -> None:
    gathering = gathering_for(split)
    offer(gathering, forged(split.shares[0]))
    with pytest.raises(WrongShare, match="share 1 contradicts"):
        offer(gathering, split.shares[0])
    assert gathering.have == 1
    with pytest.raises(WrongShare, match="share 1 was given already"):
        offer(gathering, forged(split.shares[0]))
    assert offer(gathering, split.shares[1]) is None
    root = offer(gathering, split.shares[2])
    assert root is not None
    assert root.id == ROOT.id
    assert gathering.forged == (1,)


def test_where_all_are_needed_a_forged_one_does_not_take_the_genuine_ones_place() -> None:
    split = shares.protect(3, 3)
    gathering = gathering_for(split)
    for share in (forged(split.shares[2]), split.shares[0]):
        assert offer(gathering, share) is None
    with pytest.raises(WrongShare, match="one of them is forged"):
        offer(gathering, split.shares[1])
    root = offer(gathering, split.shares[2])
    assert root is not None
    assert gathering.forged == (3,)


def test_each_forged_share_is_named_once_the_vault_opens_and_no_genuine_one() -> None:
    split = shares.protect(3, 6)
    gathering = gathering_for(split)
    brought = [*split.shares[:2], forged(split.shares[4]), forged(split.shares[5]), split.shares[3]]
    root = None
    for share in brought:
        try:
            root = offer(gathering, share)
        except WrongShare as wrong:
            assert "forged" in str(wrong)
    assert root is not None
    assert gathering.forged == (5, 6)


@pytest.mark.parametrize(
    "change",
    [
        {"extendable": False},
        {"group_index": 1},
        {"group_count": 2},
        {"iteration_exponent": 1},
        {"member_threshold": 2},
        {"index": 5},
    ],
)
def test_a_share_that_differs_in_anything_that_all_have_in_common_is_none_of_the_set(
    split: Split, gathering: Gathering, change: dict[str, int]
) -> None:
    one = shares.read(split.shares[0])
    assert gathering.is_of(one)
    # Even so, what is none of the set never keeps the others from opening.
    odd = shares.read(replace(one, **change).mnemonic())
    assert not gathering.is_of(odd)
    gathering.offer(replace(odd, index=4))
    answers = []
    for share in (split.shares[1], split.shares[2], split.shares[3]):
        try:
            answers.append(offer(gathering, share))
        except WrongShare:
            answers.append(None)
    assert answers[-1] is not None


def test_so_many_forged_ones_that_trying_takes_long_are_refused_until_all_are_dropped() -> None:
    split = shares.protect(16, 16)
    gathering = gathering_for(split)
    offer(gathering, split.shares[0])
    refusals = []
    for flip, share in itertools.product(range(1, 8), split.shares[1:]):
        try:
            offer(gathering, forged(share, flip))
        except WrongShare as wrong:
            refusals.append(str(wrong))
    assert "too many of the shares" in refusals[-1]
    kept = len(gathering._shares)
    with pytest.raises(WrongShare, match="drops them all"):
        offer(gathering, split.shares[15])
    assert len(gathering._shares) == kept
    gathering.forget()
    assert [offer(gathering, share) is not None for share in split.shares] == [False] * 15 + [True]


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

"""The header by which two servers compare their followers."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.protocol.synchronization import MAX_HEADER_CHARACTERS, Synchronization, digest, make, parse

FOLLOWERS = "https://a.example/users/alice/followers"
PART = "https://a.example/users/alice/followers_synchronization"
DIGEST = "0f" * 32
HEADER = f'collectionId="{FOLLOWERS}", url="{PART}", digest="{DIGEST}"'


@pytest.mark.parametrize(
    "value",
    [
        "",
        ",",
        HEADER + ",",
        HEADER + ", ",
        HEADER.replace('"', ""),
        HEADER.replace(", url", " url"),
        HEADER.replace(PART, "https://victim.example/followers"),
        HEADER.replace(PART, "http://a.example/part"),
        HEADER.replace(PART, "/part"),
        HEADER.replace(FOLLOWERS, "https://a.example/users/bob/followers"),
        HEADER.replace(DIGEST, DIGEST[:-2]),
        HEADER.replace(DIGEST, "g" * 64),
        HEADER.replace(DIGEST, "\\" * 64),
        f'{HEADER}, digest="{DIGEST}"',
        f'collectionId="{FOLLOWERS}", url="{PART}"',
        f'url="{PART}", digest="{DIGEST}"',
        f'{HEADER}, x="' + "y" * MAX_HEADER_CHARACTERS + '"',
    ],
)
def test_a_header_that_is_malformed_or_leads_elsewhere_says_nothing(value: str) -> None:
    assert parse(value, FOLLOWERS) is None


@pytest.mark.parametrize(
    "value",
    [
        HEADER,
        f'digest="{DIGEST.upper()}",url="{PART}",collectionId="{FOLLOWERS}"',
        f' collectionId = "{FOLLOWERS}" ,  url="{PART}" , digest="{DIGEST}", later="x"',
    ],
)
def test_a_header_is_read_in_any_order_with_parameters_that_are_not_known(value: str) -> None:
    assert parse(value, FOLLOWERS) == Synchronization(FOLLOWERS, PART, DIGEST)


def test_what_is_made_is_read_back() -> None:
    made = Synchronization(FOLLOWERS, PART, digest(["https://b.example/users/bob"]))
    assert parse(make(made), FOLLOWERS) == made


def test_the_digest_is_the_xor_of_the_hashes() -> None:
    bob, carol = "https://b.example/users/bob", "https://b.example/users/carol"
    assert digest([]) == "0" * 64
    assert digest([bob]) == sha256(bob.encode()).hexdigest()
    assert digest([bob, carol]) == digest([carol, bob, bob])
    assert int(digest([bob, carol]), 16) == int(digest([bob]), 16) ^ int(digest([carol]), 16)


def test_the_digest_is_that_of_the_proposals_own_example() -> None:
    # FEP-8fcf, "Examples".
    assert digest(["https://testing.example.org/users/1", "https://testing.example.org/users/2"]) == (
        "c33f48cd341ef046a206b8a72ec97af65079f9a3a9b90eef79c5920dce45c61f"
    )


@given(st.text(max_size=200) | st.text('abcdef="\\, ', max_size=200))
def test_any_header_is_read_or_says_nothing(value: str) -> None:
    assert parse(value, FOLLOWERS) is None

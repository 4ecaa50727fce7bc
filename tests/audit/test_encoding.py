"""LP, which everything sealed, signed or hashed is built from."""

from hypothesis import given
from hypothesis import strategies as st

from audit.protocol.encoding import lp


@given(st.lists(st.binary(max_size=8), max_size=4), st.lists(st.binary(max_size=8), max_size=4))
def test_lp_of_different_parts_is_different(one: list[bytes], other: list[bytes]) -> None:
    assert (lp(*one) == lp(*other)) == (one == other)


def test_lp_writes_each_length_as_four_bytes_big_endian() -> None:
    assert lp() == b""
    assert lp("") == bytes(4)
    assert lp("ab", b"\xff") == b"\x00\x00\x00\x02ab\x00\x00\x00\x01\xff"
    assert lp(bytes(256))[:4] == b"\x00\x00\x01\x00"


def test_lp_counts_the_bytes_of_a_text_and_not_its_letters() -> None:
    assert lp("ü") == b"\x00\x00\x00\x02\xc3\xbc"

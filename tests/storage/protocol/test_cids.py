"""CIDs: those of files are read, in one form each; all others are refused."""

import base64

import base58
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.protocol import varints
from storage.protocol.cids import DAG_PB, RAW, BadCid, Cid

DIGEST = bytes(range(32))
RAW_CID = Cid(RAW, DIGEST)
OLD = Cid(DAG_PB, DIGEST, 0)

cids = st.builds(Cid, st.sampled_from([RAW, DAG_PB]), st.binary(min_size=32, max_size=32)) | st.builds(
    Cid, st.just(DAG_PB), st.binary(min_size=32, max_size=32), st.just(0)
)


def in_base32(data: bytes) -> str:
    return "b" + base64.b32encode(data).decode().rstrip("=").lower()


@given(cids)
def test_a_cid_is_read_from_what_was_written(cid: Cid) -> None:
    assert Cid.from_text(str(cid)) == cid
    assert Cid.from_bytes(bytes(cid)) == cid
    assert Cid.first_of(bytes(cid) + b"after") == (cid, len(bytes(cid)))


@given(cids)
def test_base58btc_is_read_too(cid: Cid) -> None:
    assert Cid.from_text("z" + base58.b58encode(bytes(cid.as_v1())).decode()) == cid.as_v1()


def test_a_cid_of_version_0_names_the_same_block_as_that_of_version_1() -> None:
    assert OLD.as_v1() == Cid(DAG_PB, DIGEST)
    assert OLD.as_v1() != OLD
    assert str(OLD).startswith("Qm")


REFUSED = {
    "nothing": "",
    "a word": "hello",
    "a base alone": "b",
    "base32 in upper case": in_base32(bytes(RAW_CID)).upper(),
    "base32 in both cases": "b" + in_base32(bytes(RAW_CID))[1:].title(),
    "base32 with padding": in_base32(bytes(RAW_CID)) + "======",
    "base32 whose unused bits are set": str(RAW_CID)[:-1] + "7",
    "base16": "f" + bytes(RAW_CID).hex(),
    "a character too few": str(RAW_CID)[:-1],
    "a character too many": str(RAW_CID) + "a",
    "a byte after it": in_base32(bytes(RAW_CID) + b"\0"),
    "spaces after it": str(RAW_CID) + " ",
    "spaces after base58": "z" + base58.b58encode(bytes(RAW_CID)).decode() + " ",
    "spaces after version 0": str(OLD)[:-1] + " ",
    "a line after it": str(RAW_CID) + "\n",
    "no ASCII": "b\u0430" + str(RAW_CID)[2:],
    "far too much": "b" + "a" * 1_000_000,
    "version 0 under a sign of its base": in_base32(bytes(OLD)),
    "version 0 that is cut short": str(OLD)[:-1],
    "version 2": in_base32(b"\x02" + bytes(RAW_CID)[1:]),
    "a version in two bytes": in_base32(b"\x81\x00" + bytes(RAW_CID)[1:]),
    "another codec": in_base32(b"\x01\x71" + bytes(RAW_CID)[2:]),
    "a key and no file": in_base32(b"\x01\x72" + bytes(RAW_CID)[2:]),
    "the content itself": in_base32(b"\x01\x55\x00\x05hello"),
    "SHA-1": in_base32(b"\x01\x55\x11\x14" + DIGEST[:20]),
    "SHA-512": in_base32(b"\x01\x55\x13\x40" + DIGEST * 2),
    "SHA-256 cut to 20 bytes": in_base32(b"\x01\x55\x12\x14" + DIGEST[:20]),
    "SHA-256 of 31 bytes that says 32": in_base32(bytes(RAW_CID)[:-1]),
    "a path": f"/ipfs/{RAW_CID}",
    "a path to somewhere else": "../../" + str(RAW_CID),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_is_no_cid_of_a_file_is_refused(text: str) -> None:
    with pytest.raises(BadCid):
        Cid.from_text(text)


@given(cids, st.integers(0, 35), st.integers(0, 7))
def test_a_flipped_bit_makes_another_cid_or_none(cid: Cid, octet: int, bit: int) -> None:
    flipped = bytearray(bytes(cid))
    flipped[octet % len(flipped)] ^= 1 << bit
    try:
        read = Cid.from_bytes(bytes(flipped))
    except BadCid:
        return
    assert read != cid
    assert bytes(read) == bytes(flipped)


@given(st.binary(max_size=80))
def test_bytes_are_a_cid_or_are_refused(data: bytes) -> None:
    try:
        cid = Cid.from_bytes(data)
    except BadCid:
        return
    assert bytes(cid) == data


@pytest.mark.parametrize(
    ("codec", "digest", "version"), [(RAW, DIGEST, 0), (RAW, b"", 1), (0, DIGEST, 1), (RAW, DIGEST, 2)]
)
def test_a_cid_that_cannot_be_is_not_made(codec: int, digest: bytes, version: int) -> None:
    with pytest.raises(BadCid):
        Cid(codec, digest, version)


@given(st.integers(0, 2**63 - 1))
def test_a_number_is_read_from_its_varint(number: int) -> None:
    encoded = varints.encode(number)
    assert varints.decode(b"before" + encoded + b"after", 6) == (number, 6 + len(encoded))


@pytest.mark.parametrize("number", [-1, 2**63])
def test_a_number_beyond_its_varint_is_not_written(number: int) -> None:
    with pytest.raises(ValueError, match="varint"):
        varints.encode(number)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x00", b"\xff" * 9, b"\xff" * 9 + b"\x01"])
def test_a_varint_without_end_or_longer_than_it_needs_is_refused(data: bytes) -> None:
    with pytest.raises(varints.BadVarint):
        varints.decode(data)

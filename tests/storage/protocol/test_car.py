"""CAR files: what was written is read, and nothing that is not what its CID names."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.protocol import car, varints
from storage.protocol.car import BadCar, CarReader
from storage.protocol.cids import DAG_PB, RAW, Block, Cid
from storage.protocol.dag_pb import MAX_BLOCK_BYTES
from tests.storage.trees import built

ONE, OTHER = (Block(Cid.of(RAW, data), data) for data in (b"one", b"another"))
OLD = Cid.of(DAG_PB, b"")
OLD = Cid(DAG_PB, OLD.digest, 0)


class Trickle(io.BytesIO):
    """Gives a byte or three at a time, as a pipe may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(3, size) if size is not None and size > 0 else size)


def written(*blocks: Block, roots: tuple[Cid, ...] = (ONE.cid,)) -> bytes:
    return b"".join(car.write(roots, blocks))


def read(data: bytes) -> tuple[tuple[Cid, ...], list[Block]]:
    reader = CarReader(Trickle(data))
    return reader.roots, list(reader)


blocks = st.lists(
    st.tuples(st.sampled_from([RAW, DAG_PB]), st.binary(max_size=50)).map(
        lambda drawn: Block(Cid.of(*drawn), drawn[1])
    ),
    max_size=5,
)


@given(blocks, st.lists(st.sampled_from([ONE.cid, OTHER.cid, OLD]), min_size=1, max_size=40))
def test_what_was_written_is_read(found: list[Block], roots: list[Cid]) -> None:
    assert read(written(*found, roots=tuple(roots))) == (tuple(roots), found)


def test_the_bytes_are_those_of_the_specification() -> None:
    head = "a265726f6f747381d82a58250001551220" + ONE.cid.digest.hex() + "6776657273696f6e01"
    assert written(ONE).hex() == "3a" + head + "27" + "01551220" + ONE.cid.digest.hex() + b"one".hex()


def test_a_file_goes_into_a_car_and_comes_out() -> None:
    root, held = built(bytes(600_000))
    data = written(*(Block(cid, data) for cid, data in held.held.items()), roots=(root.cid,))
    reader = CarReader(io.BytesIO(data))
    assert reader.roots == (root.cid,)
    assert {block.cid: block.data for block in reader} == held.held


def test_every_flipped_bit_is_refused_or_makes_another_root() -> None:
    data = written(ONE, OTHER)
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            roots, _ = read(bytes(flipped))
        except BadCar:
            continue
        # Of a root's digest nobody can know here whether it is right.
        assert roots != (ONE.cid,)


def test_a_car_that_is_cut_short_anywhere_but_between_blocks_is_refused() -> None:
    data = written(ONE, OTHER)
    whole = {len(written()), len(written(ONE))}
    for end in range(len(data)):
        if end in whole:
            assert len(read(data[:end])[1]) < 2
        else:
            with pytest.raises(BadCar):
                read(data[:end])


def section(data: bytes) -> bytes:
    return varints.encode(len(data)) + data


HEADER = written()[1:]
REFUSED = {
    "nothing": b"",
    "words": b"not a car",
    "version 2": bytes.fromhex("0aa16776657273696f6e02"),
    "a version beyond": section(HEADER[:-1] + b"\x02"),
    "no roots": section(b"\xa2\x65roots\x80\x67version\x01"),
    "roots that are no list": section(b"\xa2\x65roots\xf6\x67version\x01"),
    "no version": section(b"\xa1" + HEADER[1:-9]),
    "another key too": section(b"\xa3" + HEADER[1:] + b"\x61a\x01"),
    "keys in another order": section(b"\xa2\x67version\x01" + HEADER[1:-9]),
    "a list of more than are there": section(HEADER.replace(b"roots\x81", b"roots\x82")),
    "a list's head in a longer form": section(HEADER.replace(b"roots\x81", b"roots\x98\x01")),
    "a list without end": section(HEADER.replace(b"roots\x81", b"roots\x9f")[:-9] + b"\xff" + HEADER[-9:]),
    "a root with a base": section(HEADER.replace(b"\x58\x25\x00", b"\x58\x25\x62")),
    "a root that is another tag": section(HEADER.replace(b"\xd8\x2a", b"\xd8\x2b")),
    "a root of another hash": section(HEADER.replace(b"\x12\x20", b"\x1b\x20")),
    "an empty section": written() + b"\0",
    "a length in a longer form": written() + b"\xa7\x00" + written(ONE)[len(written()) + 1 :],
    "a length without end": written() + b"\xff" * 12,
    "a header that is too long": varints.encode(2**40),
    "a section that is too long": written() + varints.encode(2**40),
    "a section that is no block": written() + section(b"hello"),
    "a block under another's CID": written() + section(bytes(OTHER.cid) + b"one"),
    "a block by another hash": written() + section(b"\x01\x55\x00\x03one"),
    "a block that is too large": written()
    + section(bytes(Cid.of(RAW, bytes(MAX_BLOCK_BYTES + 1))) + bytes(MAX_BLOCK_BYTES + 1)),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_no_car_of_files_is_refused(data: bytes) -> None:
    with pytest.raises(BadCar):
        list(CarReader(io.BytesIO(data)))


def test_the_genuine_blocks_before_a_false_one_are_given() -> None:
    reader = iter(CarReader(io.BytesIO(written(ONE) + section(bytes(OTHER.cid) + b"one"))))
    assert next(reader) == ONE
    with pytest.raises(BadCar):
        next(reader)


def test_a_length_of_terabytes_is_not_waited_for() -> None:
    class Watched(io.BytesIO):
        longest = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.longest = max(self.longest, size or 0)
            return super().read(size)

    source = Watched(written() + varints.encode(2**40) + b"x" * 100)
    with pytest.raises(BadCar):
        list(CarReader(source))
    assert source.longest < 1000


@pytest.mark.parametrize("count", [0, car.MAX_ROOTS + 1])
def test_a_car_without_roots_or_with_too_many_is_not_written(count: int) -> None:
    with pytest.raises(ValueError, match="roots"):
        next(car.write([ONE.cid] * count, ()))


def test_as_many_roots_as_may_be_are_read() -> None:
    roots = (ONE.cid,) * car.MAX_ROOTS
    assert CarReader(io.BytesIO(written(roots=roots))).roots == roots


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read_without_another_error(data: bytes) -> None:
    for beginning in (b"", written()):
        try:
            found = list(CarReader(io.BytesIO(beginning + data)))
        except BadCar:
            continue
        assert all(block.cid.names(block.data) for block in found)

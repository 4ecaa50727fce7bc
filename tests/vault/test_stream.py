"""Sealed files: whatever is not the whole file, byte for byte and in order, is refused."""

import io
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.protocol.encoding import lp
from vault.envelope import OVERHEAD, EnvelopeKey
from vault.errors import CannotOpen
from vault.stream import CHUNK, MAGIC, SealedWriter, named_key, opened

WRAPPING = EnvelopeKey(b"w" * 16, b"\1" * 32)
CONTEXT = lp("test")
HEADER = len(MAGIC) + 16 + OVERHEAD + 32
SEALED_CHUNK = CHUNK + OVERHEAD


def sealed(plaintext: bytes, context: bytes = CONTEXT) -> bytes:
    out = io.BytesIO()
    writer = SealedWriter(out, WRAPPING, context)
    writer.write(plaintext)
    writer.finish()
    return out.getvalue()


def unsealed(data: bytes, context: bytes = CONTEXT) -> bytes:
    return b"".join(opened(io.BytesIO(data), lambda _: WRAPPING, context))


def chunks(data: bytes) -> list[bytes]:
    body = data[HEADER:]
    return [body[start : start + SEALED_CHUNK] for start in range(0, len(body), SEALED_CHUNK)]


@pytest.fixture(scope="module")
def plaintext() -> bytes:
    """Four chunks, the last of them not full."""
    return os.urandom(3 * CHUNK + 1000)


@pytest.fixture(scope="module")
def file(plaintext: bytes) -> bytes:
    return sealed(plaintext)


# --- what is refused


def test_a_flipped_bit_in_any_byte_of_a_short_file_is_refused() -> None:
    whole = sealed(b"a few words")
    for place in range(len(whole)):
        broken = bytearray(whole)
        broken[place] ^= 1 << place % 8
        with pytest.raises(CannotOpen):
            unsealed(bytes(broken))


def test_a_short_file_cut_off_at_any_byte_is_refused() -> None:
    whole = sealed(b"a few words")
    for length in range(len(whole)):
        with pytest.raises(CannotOpen):
            unsealed(whole[:length])


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
@pytest.mark.parametrize("more", [-1, 0, 1, OVERHEAD - 1, OVERHEAD])
def test_a_long_file_cut_off_at_the_border_of_a_chunk_or_beside_it_is_refused(
    file: bytes, kept: int, more: int
) -> None:
    with pytest.raises(CannotOpen):
        unsealed(file[: HEADER + kept * SEALED_CHUNK + more])


@pytest.mark.parametrize("added", [b"\0", b"\0" * OVERHEAD, b"\0" * SEALED_CHUNK])
def test_a_file_with_something_added_is_refused(file: bytes, added: bytes) -> None:
    with pytest.raises(CannotOpen):
        unsealed(file + added)


def test_chunks_in_another_order_left_out_or_doubled_are_refused(file: bytes) -> None:
    a, b, c, d = chunks(file)
    for order in (
        [b, a, c, d],
        [a, c, b, d],
        [b, c, d],
        [a, c, d],
        [a, b, d],
        [a, a, b, c, d],
        [a, b, c, d, d],
    ):
        with pytest.raises(CannotOpen):
            unsealed(file[:HEADER] + b"".join(order))


def test_a_chunk_of_another_file_is_refused_though_it_stands_in_the_same_place(
    file: bytes, plaintext: bytes
) -> None:
    a, _, c, d = chunks(file)
    other = chunks(sealed(plaintext))[1]
    with pytest.raises(CannotOpen):
        unsealed(file[:HEADER] + a + other + c + d)


def test_the_header_of_another_file_is_refused(file: bytes, plaintext: bytes) -> None:
    with pytest.raises(CannotOpen):
        unsealed(sealed(plaintext)[:HEADER] + file[HEADER:])


def test_two_files_in_one_are_refused(file: bytes) -> None:
    with pytest.raises(CannotOpen):
        unsealed(file + file)


def test_a_file_of_another_kind_is_refused(file: bytes) -> None:
    with pytest.raises(CannotOpen):
        unsealed(file, lp("backup"))


def test_a_file_under_another_key_is_refused(file: bytes) -> None:
    another = EnvelopeKey(b"w" * 16, b"\2" * 32)
    with pytest.raises(CannotOpen):
        list(opened(io.BytesIO(file), lambda _: another, CONTEXT))


def test_a_file_that_was_never_finished_is_refused(plaintext: bytes) -> None:
    out = io.BytesIO()
    SealedWriter(out, WRAPPING, CONTEXT).write(plaintext)
    with pytest.raises(CannotOpen):
        unsealed(out.getvalue())


@pytest.mark.parametrize("junk", [b"", b"hvx", b"{}", MAGIC, b"\0" * 10_000])
def test_what_is_no_sealed_file_is_refused(junk: bytes) -> None:
    with pytest.raises(CannotOpen):
        unsealed(junk)


def test_what_comes_before_the_damage_is_given_out_only_chunk_by_chunk(file: bytes) -> None:
    stream = opened(io.BytesIO(file[:-1]), lambda _: WRAPPING, CONTEXT)
    for _ in range(3):
        assert len(next(stream)) == CHUNK
    with pytest.raises(CannotOpen):
        next(stream)


# --- what is taken


@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1])
def test_what_was_sealed_opens_whatever_its_length(length: int) -> None:
    plaintext = os.urandom(length)
    assert unsealed(sealed(plaintext)) == plaintext


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, CHUNK + 10), max_size=8))
def test_it_does_not_matter_in_which_pieces_it_is_written(lengths: list[int]) -> None:
    pieces = [os.urandom(length) for length in lengths]
    out = io.BytesIO()
    writer = SealedWriter(out, WRAPPING, CONTEXT)
    for piece in pieces:
        writer.write(piece)
    writer.finish()
    assert unsealed(out.getvalue()) == b"".join(pieces)


class Trickle:
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, 1013))


def test_a_source_that_gives_a_little_at_a_time_is_read_to_its_end(file: bytes, plaintext: bytes) -> None:
    assert b"".join(opened(Trickle(file), lambda _: WRAPPING, CONTEXT)) == plaintext


def test_the_same_file_sealed_twice_has_nothing_in_common_but_its_form() -> None:
    one, other = sealed(b"same"), sealed(b"same")
    assert one[:12] == other[:12]
    assert one[12:28] != other[12:28]
    assert one[HEADER:] != other[HEADER:]


def test_nothing_of_the_plaintext_stands_in_the_file() -> None:
    assert b"planted words" not in sealed(b"planted words" * 10_000)


def test_the_wrapping_key_is_found_by_the_name_in_the_file(file: bytes) -> None:
    asked: list[bytes] = []

    def find(wrapped: bytes) -> EnvelopeKey:
        asked.append(named_key(wrapped))
        return WRAPPING

    assert list(opened(io.BytesIO(file), find, CONTEXT))
    assert asked == [WRAPPING.id]


class Zeros:
    """Bytes without end, and a sink that keeps none."""

    def __init__(self) -> None:
        self.taken = 0

    def write(self, data: bytes, /) -> None:
        self.taken += len(data)


def test_memory_does_not_grow_with_the_file() -> None:
    def seal(count: int) -> int:
        tracemalloc.start()
        sink = Zeros()
        writer = SealedWriter(sink, WRAPPING, CONTEXT)
        for _ in range(count):
            writer.write(bytes(CHUNK))
        writer.finish()
        assert sink.taken > count * CHUNK
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert seal(200) < seal(20) + CHUNK


def test_memory_does_not_grow_with_the_file_when_it_is_opened() -> None:
    def peak(count: int) -> int:
        data = io.BytesIO(sealed(bytes(count * CHUNK)))
        tracemalloc.start()
        assert sum(len(chunk) for chunk in opened(data, lambda _: WRAPPING, CONTEXT)) == count * CHUNK
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(200) < peak(20) + CHUNK

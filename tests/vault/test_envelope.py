"""The envelope: what opens, and above all what does not."""

import copy
import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.protocol.encoding import lp
from vault.envelope import OVERHEAD, EnvelopeKey
from vault.errors import CannotOpen

KEY_ID = bytes(range(16))
CONTEXT = lp("table", "column", "row")


@pytest.fixture
def key() -> EnvelopeKey:
    return EnvelopeKey(KEY_ID, bytes(range(32)))


def test_an_envelope_with_any_one_bit_flipped_does_not_open(key: EnvelopeKey) -> None:
    envelope = key.seal(CONTEXT, b"plain text")
    for bit in range(len(envelope) * 8):
        flipped = bytearray(envelope)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CannotOpen):
            key.open(CONTEXT, bytes(flipped))


def test_an_envelope_cut_short_or_drawn_out_does_not_open(key: EnvelopeKey) -> None:
    envelope = key.seal(CONTEXT, b"plain text")
    for length in range(len(envelope)):
        with pytest.raises(CannotOpen):
            key.open(CONTEXT, envelope[:length])
    with pytest.raises(CannotOpen):
        key.open(CONTEXT, envelope + b"\0")


@pytest.mark.parametrize(
    "elsewhere",
    [
        lp("elbat", "column", "row"),
        lp("table", "nmuloc", "row"),
        lp("table", "column", "wor"),
        lp("tablec", "olumn", "row"),
        lp("table", "column"),
        lp("table", "column", "row", ""),
        b"",
    ],
)
def test_an_envelope_moved_to_another_place_does_not_open(key: EnvelopeKey, elsewhere: bytes) -> None:
    envelope = key.seal(CONTEXT, b"plain text")
    with pytest.raises(CannotOpen):
        key.open(elsewhere, envelope)


def test_an_envelope_does_not_open_under_another_key_of_the_same_name(key: EnvelopeKey) -> None:
    envelope = key.seal(CONTEXT, b"plain text")
    with pytest.raises(CannotOpen):
        EnvelopeKey(KEY_ID, bytes(32)).open(CONTEXT, envelope)


def test_an_envelope_does_not_open_under_the_same_key_of_another_name(key: EnvelopeKey) -> None:
    other = EnvelopeKey(bytes(16), bytes(range(32)))
    envelope = key.seal(CONTEXT, b"plain text")
    renamed = envelope[:1] + other.id + envelope[17:]
    with pytest.raises(CannotOpen):
        other.open(CONTEXT, renamed)


def test_an_envelope_of_an_unknown_version_does_not_open(key: EnvelopeKey) -> None:
    envelope = key.seal(CONTEXT, b"plain text")
    with pytest.raises(CannotOpen):
        key.open(CONTEXT, b"\x02" + envelope[1:])


@pytest.mark.parametrize(("id_length", "key_length"), [(15, 32), (17, 32), (16, 16), (16, 31), (16, 33)])
def test_a_key_of_any_other_length_is_refused(id_length: int, key_length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        EnvelopeKey(bytes(id_length), bytes(key_length))


def test_what_a_refusal_says_and_was_raised_from_holds_neither_plaintext_nor_key(key: EnvelopeKey) -> None:
    envelope = key.seal(CONTEXT, b"plain text")
    with pytest.raises(CannotOpen) as refusal:
        key.open(b"", envelope)
    assert "plain" not in repr(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_a_key_shows_nothing_and_is_neither_copied_nor_pickled(key: EnvelopeKey) -> None:
    assert repr(key) == str(key) == f"{key}" == "<EnvelopeKey>"
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not copied or pickled"):
            attempt(key)


def test_the_same_value_sealed_twice_gives_two_envelopes(key: EnvelopeKey) -> None:
    assert key.seal(CONTEXT, b"plain text") != key.seal(CONTEXT, b"plain text")


def nonces(key: EnvelopeKey, number: int) -> list[bytes]:
    return [key.seal(CONTEXT, b"")[17:29] for _ in range(number)]


def test_a_forked_child_uses_none_of_its_parent_s_nonces(key: EnvelopeKey) -> None:
    nonces(key, 1)  # now some are drawn ahead
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"".join(nonces(key, 70)))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 70 * 12)
    os.close(reading)
    os.close(writing)
    assert len(theirs) == 70 * 12
    assert not {theirs[at : at + 12] for at in range(0, len(theirs), 12)} & set(nonces(key, 70))


def test_threads_that_seal_at_once_never_share_a_nonce(key: EnvelopeKey) -> None:
    with ThreadPoolExecutor(8) as threads:
        drawn = [nonce for found in threads.map(lambda _: nonces(key, 2000), range(8)) for nonce in found]
    assert len(set(drawn)) == len(drawn) == 16_000


def test_an_envelope_is_version_key_id_nonce_ciphertext_and_tag(key: EnvelopeKey) -> None:
    envelope = key.seal(CONTEXT, b"plain text")
    assert envelope[:17] == b"\x01" + KEY_ID
    assert len(envelope) == OVERHEAD + len(b"plain text") == 1 + 16 + 12 + 10 + 16
    assert b"plain text" not in envelope


@given(plaintext=st.binary(max_size=4096), context=st.lists(st.text(max_size=20) | st.binary(max_size=20)))
def test_what_was_sealed_opens_in_its_place(plaintext: bytes, context: list[str | bytes]) -> None:
    key = EnvelopeKey(KEY_ID, bytes(range(32)))
    assert key.open(lp(*context), key.seal(lp(*context), plaintext)) == plaintext

"""One encrypted message and nothing else: every other sequence of packets is refused, with the reason."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.protocol.openpgp.message import EncryptedMessage
from storage.protocol.openpgp.packets import MAX_PACKETS, MAX_SESSION_KEY_BYTES, MAX_SMALL_PARTS
from storage.protocol.openpgp.refusals import NotEncrypted, Reason
from tests.openpgp import packet
from tests.storage import messages as m
from tests.storage.messages import AEAD, BASIC, GOOD, MARKED, MOST, PKESK, SEIPD, SKESK, judge, noise, old

TO = packet(PKESK, m.PKESK_RSA)
TO_6 = packet(PKESK, m.PKESK_6)
DATA = packet(SEIPD, m.SEIPD_1)
LITERAL = packet(11, b"b\x00\x00\x00\x00\x00hello")
LONG = b"\x01" + noise(5000)


@pytest.mark.parametrize("message", GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("step", [None, 1, 7, 100])
def test_an_encrypted_message_is_one_in_pieces_of_any_size(message: bytes, step: int | None) -> None:
    assert judge(message, step) is None


@pytest.mark.parametrize("length", [1, 2, 4])
def test_session_keys_may_be_in_the_old_format(length: int) -> None:
    assert judge(old(PKESK, m.PKESK_ECDH, length) + DATA) is None
    assert judge(old(SKESK, m.SKESK_4, length) + DATA) is None


@pytest.mark.parametrize("exponents", [(9,), (12,), (9, 9, 9), (10, 0, 1, 2, 3)])
@pytest.mark.parametrize("step", [None, 1, 511, 513])
def test_the_data_may_come_in_parts(exponents: tuple[int, ...], step: int | None) -> None:
    assert judge(TO + m.partial(SEIPD, LONG, *exponents), step) is None
    gnupg = b"\x01\x09\x02\x10" + noise(5000)
    assert judge(TO + m.partial(AEAD, gnupg, *exponents), step) is None


def test_the_last_part_may_be_empty_and_its_length_be_written_in_any_way() -> None:
    for last in (b"\x00", b"\x01x", b"\xc0\x00" + bytes(192), b"\xff\x00\x00\x00\x01x"):
        assert judge(TO + m.partial(SEIPD, LONG[:512], 9, last=last)) is None


def changed(body: bytes, position: int, value: int) -> bytes:
    return body[:position] + bytes([value]) + body[position + 1 :]


REFUSED: dict[str, tuple[bytes, Reason]] = {
    "nothing": (b"", Reason.EMPTY),
    "words": (b"hello world", Reason.NOT_OPENPGP),
    "a zero": (b"\x00", Reason.NOT_OPENPGP),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + noise(100), Reason.NOT_OPENPGP),
    "ZIP": (b"PK\x03\x04" + noise(100), Reason.NOT_OPENPGP),
    "gzip": (b"\x1f\x8b\x08\x00" + noise(100), Reason.NOT_OPENPGP),
    "PNG, which begins as a signature would": (b"\x89PNG\r\n\x1a\n" + noise(100), Reason.SIGNED),
    "JPEG": (b"\xff\xd8\xff\xe0" + noise(100), Reason.UNEXPECTED),
    "the reserved tag": (packet(0, b""), Reason.UNEXPECTED),
    "literal data": (LITERAL, Reason.LITERAL),
    "literal data up to the end of the file": (b"\xafb\x00\x00\x00\x00\x00hello", Reason.LITERAL),
    "compressed data": (packet(8, b"\x01" + noise(50)), Reason.COMPRESSED),
    "compressed data up to the end": (b"\xa3\x01" + noise(50), Reason.COMPRESSED),
    "a signature": (packet(2, noise(50)), Reason.SIGNED),
    "signed data": (packet(4, noise(13)) + LITERAL + packet(2, noise(50)), Reason.SIGNED),
    "a public key": (packet(6, noise(50)), Reason.KEY),
    "a private key": (packet(5, noise(50)), Reason.KEY),
    "a private subkey": (packet(7, noise(50)), Reason.KEY),
    "a public subkey": (packet(14, noise(50)), Reason.KEY),
    "a user id": (packet(13, b"alice"), Reason.UNEXPECTED),
    "padding": (packet(21, noise(50)) + BASIC, Reason.UNEXPECTED),
    "encrypted without integrity": (TO + packet(9, noise(100)), Reason.NO_INTEGRITY),
    "the same up to the end of the file": (TO + b"\xa7" + noise(100), Reason.NO_INTEGRITY),
    "encrypted to nobody": (DATA, Reason.NO_SESSION_KEY),
    "encrypted to a marker": (MARKED + DATA, Reason.NO_SESSION_KEY),
    "session keys without data": (TO + TO, Reason.TRUNCATED),
    "a marker alone": (MARKED, Reason.TRUNCATED),
    "a marker with other words": (packet(10, b"hello") + BASIC, Reason.UNEXPECTED),
    "a marker of nothing": (packet(10, b"") + BASIC, Reason.UNEXPECTED),
    "literal data before": (LITERAL + BASIC, Reason.LITERAL),
    "literal data between": (TO + LITERAL + DATA, Reason.LITERAL),
    "literal data in place of encrypted data": (TO + LITERAL, Reason.LITERAL),
    "compressed data in place of it": (TO + packet(8, noise(50)), Reason.COMPRESSED),
    "literal data after": (BASIC + LITERAL, Reason.AFTER_END),
    "a signature after": (BASIC + packet(2, noise(50)), Reason.AFTER_END),
    "a second message": (BASIC + BASIC, Reason.AFTER_END),
    "second data": (BASIC + DATA, Reason.AFTER_END),
    "words after": (BASIC + b"hello", Reason.AFTER_END),
    "a line after": (BASIC + b"\n", Reason.AFTER_END),
    "words between": (TO + b"hello" + DATA, Reason.UNEXPECTED),
    "data of version 3": (TO + packet(SEIPD, b"\x03" + noise(100)), Reason.BAD_DATA),
    "data of no version": (TO + packet(SEIPD, b""), Reason.BAD_DATA),
    "data that is too short": (TO + packet(SEIPD, m.SEIPD_1[:32]), Reason.BAD_DATA),
    "data of version 2 that is too short": (TO_6 + packet(SEIPD, m.SEIPD_2[:67]), Reason.BAD_DATA),
    "data of version 2 by no cipher": (TO_6 + packet(SEIPD, changed(m.SEIPD_2, 1, 0)), Reason.BAD_DATA),
    "data of version 2 in no mode": (TO_6 + packet(SEIPD, changed(m.SEIPD_2, 2, 0)), Reason.BAD_DATA),
    "data of version 2 in huge chunks": (TO_6 + packet(SEIPD, changed(m.SEIPD_2, 3, 17)), Reason.BAD_DATA),
    "GnuPG's data by no cipher": (TO + packet(AEAD, changed(m.AEAD_1, 1, 0)), Reason.BAD_DATA),
    "GnuPG's data of version 2": (TO + packet(AEAD, changed(m.AEAD_1, 0, 2)), Reason.BAD_DATA),
    "GnuPG's data that is too short": (TO + packet(AEAD, m.AEAD_1[:50]), Reason.BAD_DATA),
    "old keys to new data": (TO + packet(SEIPD, m.SEIPD_2), Reason.MIXED),
    "new keys to old data": (TO_6 + DATA, Reason.MIXED),
    "keys of both kinds": (TO + TO_6 + DATA, Reason.MIXED),
    "a passphrase of GnuPG's to other data": (packet(SKESK, m.SKESK_5) + DATA, Reason.MIXED),
    "new keys to GnuPG's data": (TO_6 + packet(AEAD, m.AEAD_1), Reason.MIXED),
    "session keys in parts": (m.partial(PKESK, m.PKESK_RSA + bytes(512), 9) + DATA, Reason.BAD_LENGTH),
    "session keys up to the end": (b"\x87" + m.PKESK_RSA, Reason.BAD_LENGTH),
    "a first part that is too short": (TO + m.partial(SEIPD, LONG, 8), Reason.BAD_LENGTH),
    "very many short parts": (
        TO + m.partial(SEIPD, LONG, 9, *[0] * (MAX_SMALL_PARTS + 1)),
        Reason.BAD_LENGTH,
    ),
    "a session key that is too long": (
        bytes([0xC0 | PKESK, 0xFF]) + (MAX_SESSION_KEY_BYTES + 1).to_bytes(4, "big"),
        Reason.TOO_LONG,
    ),
    "a session key of four gigabytes": (bytes([0xC0 | PKESK]) + b"\xff" * 5, Reason.TOO_LONG),
    "data of four gigabytes": (TO + bytes([0xC0 | SEIPD]) + b"\xff" * 5, Reason.TOO_LONG),
    "parts of a gigabyte": (TO + bytes([0xC0 | SEIPD, 0xFE, 1]) + noise(100), Reason.TRUNCATED),
    "very many session keys": (TO * (MAX_PACKETS + 1) + DATA, Reason.TOO_MANY),
    "very many markers after it": (BASIC + MARKED * MAX_PACKETS, Reason.TOO_MANY),
}


@pytest.mark.parametrize(("message", "reason"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("step", [None, 1])
def test_what_is_no_single_encrypted_message_is_refused(
    message: bytes, reason: Reason, step: int | None
) -> None:
    assert judge(message, step) is reason


BAD_KEYS = {
    "nothing": (PKESK, b""),
    "version 2": (PKESK, changed(m.PKESK_RSA, 0, 2)),
    "version 5": (PKESK, changed(m.PKESK_RSA, 0, 5)),
    "no algorithm": (PKESK, m.PKESK_RSA[:9]),
    "an algorithm that signs": (PKESK, changed(m.PKESK_RSA, 9, 17)),
    "no number": (PKESK, m.PKESK_RSA[:10]),
    "a number of no bits": (PKESK, m.PKESK_RSA[:10] + b"\x00\x00"),
    "a number that is cut short": (PKESK, m.PKESK_RSA[:-1]),
    "words after the number": (PKESK, m.PKESK_RSA + b"hello world"),
    "one number of two": (PKESK, m.PKESK_ELGAMAL[: 10 + len(m.RSA_KEY)]),
    "a point without a key": (PKESK, m.PKESK_ECDH[:-49] + b"\x00"),
    "a point and no more": (PKESK, m.PKESK_ECDH[:-49]),
    "a key that is cut short": (PKESK, m.PKESK_ECDH[:-1]),
    "words after the key": (PKESK, m.PKESK_X25519 + b"hello world"),
    "a fingerprint of another length": (PKESK, changed(m.PKESK_6, 1, 0x20)),
    "a fingerprint of no version": (PKESK, changed(m.PKESK_6, 2, 5)),
    "version 6 that is cut short": (PKESK, b"\x06"),
    "version 6 with a length alone": (PKESK, b"\x06\x21"),
    "a passphrase of nothing": (SKESK, b""),
    "a passphrase of version 3": (SKESK, changed(m.SKESK_4, 0, 3)),
    "a passphrase to no cipher": (SKESK, changed(m.SKESK_4, 1, 0)),
    "a passphrase to an unknown cipher": (SKESK, changed(m.SKESK_4, 1, 99)),
    "a passphrase by no way": (SKESK, changed(m.SKESK_4, 2, 99)),
    "a passphrase on a card of GnuPG's": (SKESK, b"\x04\x09\x65" + noise(10)),
    "a passphrase whose way is cut short": (SKESK, m.SKESK_4[:-1]),
    "a passphrase with words": (SKESK, m.SKESK_4 + b"hello world"),
    "version 5 in no mode": (SKESK, changed(m.SKESK_5, 2, 9)),
    "version 5 that is cut short": (SKESK, m.SKESK_5[:-1]),
    "version 5 with words": (SKESK, m.SKESK_5 + b"hello world"),
    "version 6 whose count is wrong": (SKESK, changed(m.SKESK_6, 1, 0)),
    "version 6 whose other count is wrong": (SKESK, changed(m.SKESK_6, 4, 0)),
    "version 6 with words": (SKESK, m.SKESK_6 + b"hello world"),
    "version 6 to a cipher of short blocks": (SKESK, changed(m.SKESK_6, 2, 2)),
}


@pytest.mark.parametrize(("tag", "body"), BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_session_key_that_cannot_be_one_is_refused(tag: int, body: bytes) -> None:
    assert judge(packet(tag, body) + DATA) is Reason.BAD_SESSION_KEY
    assert judge(TO + packet(tag, body) + DATA) is Reason.BAD_SESSION_KEY


@pytest.mark.parametrize(
    "message", [*GOOD.values(), TO + m.partial(SEIPD, LONG, 9, 10)], ids=[*GOOD, "in parts"]
)
def test_a_message_that_ends_anywhere_before_its_end_is_refused(message: bytes) -> None:
    without_markers = message.removesuffix(MARKED)
    for end in range(1, len(without_markers)):
        assert judge(message[:end]) is Reason.TRUNCATED


def test_data_beyond_what_may_be_is_refused_when_it_says_so() -> None:
    assert judge(BASIC, most=len(m.SEIPD_1)) is None
    head = TO + DATA[:6]
    found = EncryptedMessage(len(m.SEIPD_1) - 1)
    with pytest.raises(NotEncrypted, match="too long"):
        found.feed(head)
    parts = TO + m.partial(SEIPD, LONG, 9, 9, 9)
    assert judge(parts, most=len(LONG)) is None
    assert judge(parts, most=len(LONG) - 1) is Reason.TOO_LONG


def test_what_was_refused_stays_refused() -> None:
    found = EncryptedMessage(MOST)
    for _ in range(2):
        with pytest.raises(NotEncrypted) as refused:
            found.feed(LITERAL)
        assert refused.value.reason is Reason.LITERAL
    with pytest.raises(NotEncrypted):
        found.feed(BASIC)
    with pytest.raises(NotEncrypted) as refused:
        found.finish()
    assert refused.value.reason is Reason.LITERAL


def test_a_refusal_quotes_nothing() -> None:
    with pytest.raises(NotEncrypted) as refused:
        EncryptedMessage(MOST).feed(packet(11, b"b\x06secret\x00\x00\x00\x00plaintext"))
    assert "secret" not in str(refused.value)
    assert "plaintext" not in str(refused.value)


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            [TO, TO_6, DATA, MARKED, LITERAL, packet(SKESK, m.SKESK_4), packet(SEIPD, m.SEIPD_2)]
        ),
        max_size=6,
    ),
    st.integers(1, 50),
)
def test_packets_in_any_order_are_a_message_only_in_this_one(packets: list[bytes], step: int) -> None:
    kept = [found for found in packets if found != MARKED]
    *keys, data = kept or [b""]
    right = bool(keys) and (
        (data == DATA and all(key in (TO, packet(SKESK, m.SKESK_4)) for key in keys))
        or (data == packet(SEIPD, m.SEIPD_2) and all(key == TO_6 for key in keys))
    )
    assert (judge(b"".join(packets), step) is None) is right


@settings(max_examples=300)
@given(st.binary(max_size=100), st.integers(1, 20), st.sampled_from([b"", TO, BASIC, b"-----BEGIN PGP "]))
def test_any_bytes_are_judged_without_another_error_and_the_same_in_pieces(
    data: bytes, step: int, before: bytes
) -> None:
    assert judge(before + data, step) is judge(before + data)


@settings(max_examples=200)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_a_changed_byte_is_refused_or_was_noise(name: str, data: st.DataObject) -> None:
    message = GOOD[name]
    at = data.draw(st.integers(0, len(message) - 1))
    other = changed(message, at, data.draw(st.integers(0, 255)))
    # What is taken has the same packets as before: all else would be refused.
    if judge(other) is None:
        assert len(other) == len(message)
        assert other[:1] == message[:1]


@pytest.mark.parametrize("armored", [False, True])
def test_memory_does_not_grow_with_the_message(*, armored: bool) -> None:
    message = TO + m.partial(SEIPD, b"\x01" + bytes(8_000_000), *[16] * 100)
    if armored:
        message = m.armored(message)
    found = EncryptedMessage(MOST)
    tracemalloc.start()
    try:
        for start in range(0, len(message), 1 << 16):
            found.feed(message[start : start + (1 << 16)])
        found.finish()
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()

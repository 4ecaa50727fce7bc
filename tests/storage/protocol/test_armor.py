"""Armor around an encrypted message, as programs write it; what stands in it beside one is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.protocol.openpgp.armor import (
    MAX_BLANK_LINES,
    MAX_HEADERS,
    MAX_LINE_CHARACTERS,
    Armor,
)
from storage.protocol.openpgp.refusals import NotEncrypted, Reason
from tests.openpgp import armored as with_checksum
from tests.openpgp import packet
from tests.storage import messages as m
from tests.storage.messages import BASIC, GOOD, armored, judge, noise

HEAD, TAIL = b"-----BEGIN PGP MESSAGE-----\n", b"-----END PGP MESSAGE-----\n"
WRITTEN = armored(BASIC)
BODY = WRITTEN.removeprefix(HEAD + b"\n").removesuffix(TAIL)
# A message whose last line has padding, whatever the others have.
PADDED = armored(packet(1, m.PKESK_RSA) + packet(18, m.SEIPD_1 + bytes((-len(BASIC) + 1) % 3)))

TAKEN = {
    "as it is": WRITTEN,
    "with CRLF": armored(BASIC, ending="\r\n"),
    "with a checksum": with_checksum(BASIC, "MESSAGE").encode(),
    "with a checksum that is wrong, as RFC 9580 wants": armored(BASIC, checksum="=AAAA"),
    "with lines of 76": armored(BASIC, width=76),
    "with lines of no round length": armored(BASIC, width=61),
    "with headers": armored(BASIC, headers="Version: GnuPG v2\nComment: a: b\nCharset: UTF-8"),
    "with an empty header": armored(BASIC, headers="Comment:\nVersion: "),
    "without a line end at its end": WRITTEN[:-1],
    "with blank lines around it": b"\n \r\n\t\n" + WRITTEN + b"\n \t \r\n",
    "with blank lines in it": WRITTEN.replace(b"\n\n", b"\n \n\n").replace(TAIL, b"\n" + TAIL),
    "with spaces behind each line": WRITTEN.replace(b"\n", b" \t\n"),
    "with spaces before it": b"  " + WRITTEN,
    "with padding": PADDED,
}


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("step", [None, 1, 5, 64])
def test_armor_as_programs_write_it_is_taken_in_pieces_of_any_size(text: bytes, step: int | None) -> None:
    assert judge(text, step) is None


@pytest.mark.parametrize("message", GOOD.values(), ids=GOOD)
def test_every_message_may_be_armored(message: bytes) -> None:
    assert judge(armored(message)) is None


REFUSED: dict[str, tuple[bytes, Reason]] = {
    "blank lines alone": (b"\n\n  \n", Reason.EMPTY),
    "a head alone": (HEAD, Reason.TRUNCATED),
    "nothing in it": (armored(b""), Reason.EMPTY),
    "words before it": (b"hello\n" + WRITTEN, Reason.NOT_OPENPGP),
    "words before it on its line": (b"hello " + WRITTEN, Reason.NOT_OPENPGP),
    "words behind its head": (b"-----BEGIN PGP MESSAGE----- hello\n\n" + BODY + TAIL, Reason.NOT_OPENPGP),
    "a dash": (b"-", Reason.NOT_OPENPGP),
    "words after it": (WRITTEN + b"hello", Reason.AFTER_END),
    "words after it on its line": (WRITTEN[:-1] + b" hello\n", Reason.BAD_ARMOR),
    "a zero after it": (WRITTEN + b"\0", Reason.AFTER_END),
    "a second message after it": (WRITTEN + WRITTEN, Reason.AFTER_END),
    "a binary message after it": (WRITTEN + BASIC, Reason.AFTER_END),
    "armor after a binary message": (BASIC + WRITTEN, Reason.AFTER_END),
    "signed words": (
        b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nhello\n"
        + armored(packet(2, noise(50)), kind="SIGNATURE"),
        Reason.SIGNED,
    ),
    "a signature": (armored(packet(2, noise(50)), kind="SIGNATURE"), Reason.SIGNED),
    "a public key": (armored(packet(6, noise(50)), kind="PUBLIC KEY BLOCK"), Reason.KEY),
    "a private key": (armored(packet(5, noise(50)), kind="PRIVATE KEY BLOCK"), Reason.KEY),
    "a private key that says to be a message": (armored(packet(5, noise(50))), Reason.KEY),
    "literal data that says to be a message": (armored(packet(11, noise(50))), Reason.LITERAL),
    "a part of many": (armored(BASIC, kind="MESSAGE, PART 1/2"), Reason.NOT_OPENPGP),
    "another kind": (armored(BASIC, kind="ARMORED FILE"), Reason.NOT_OPENPGP),
    "a certificate of another sort": (b"-----BEGIN CERTIFICATE-----\n", Reason.NOT_OPENPGP),
    "another end": (WRITTEN.replace(TAIL, b"-----END PGP SIGNATURE-----\n"), Reason.BAD_ARMOR),
    "no end": (WRITTEN.removesuffix(TAIL), Reason.TRUNCATED),
    "half an end": (WRITTEN[:-6], Reason.TRUNCATED),
    "armor in armor": (armored(WRITTEN), Reason.ARMOR_IN_ARMOR),
    "armor begun in armor": (HEAD + b"\n" + WRITTEN, Reason.ARMOR_IN_ARMOR),
    "words in armor": (armored(b"hello world"), Reason.NOT_OPENPGP),
    "words between lines": (HEAD + b"\nhello world\n" + BODY + TAIL, Reason.BAD_ARMOR),
    "words behind a checksum": (HEAD + b"\n" + BODY + b"=AAAA\nhello\n" + TAIL, Reason.BAD_ARMOR),
    "two checksums": (HEAD + b"\n" + BODY + b"=AAAA\n=AAAA\n" + TAIL, Reason.BAD_ARMOR),
    "a checksum that is none": (armored(BASIC, checksum="=hello"), Reason.BAD_ARMOR),
    "data behind a checksum": (HEAD + b"\n" + b"=AAAA\n" + BODY + TAIL, Reason.BAD_ARMOR),
    "data behind padding": (PADDED.replace(TAIL, BODY + TAIL), Reason.BAD_ARMOR),
    "a character that base64 has not": (HEAD + b"\nhQE_\n" + BODY + TAIL, Reason.BAD_ARMOR),
    "a space within a line": (HEAD + b"\nhQE BAAAA\n" + BODY + TAIL, Reason.BAD_ARMOR),
    "a space before a line": (HEAD + b"\n " + BODY + TAIL, Reason.BAD_ARMOR),
    "padding that is not needed": (HEAD + b"\nhQE=AAA\n" + TAIL, Reason.BAD_ARMOR),
    "padding without data": (HEAD + b"\nhQEB\n=\n" + TAIL, Reason.BAD_ARMOR),
    "padding whose unused bits are set": (armored(b"\xc1\x01")[:-30] + b"\n", Reason.BAD_ARMOR),
    "characters too few": (HEAD + b"\n" + BODY + b"A\n" + TAIL, Reason.BAD_ARMOR),
    "lines that are too long": (armored(BASIC, width=77), Reason.BAD_ARMOR),
    "a line without end": (HEAD + b"\n" + b"A" * 1_000_000, Reason.BAD_ARMOR),
    "a head without end": (b"-----BEGIN PGP" + b" " * 1_000_000, Reason.NOT_OPENPGP),
    "blank lines without end": (WRITTEN + b"\n" * (MAX_BLANK_LINES + 1), Reason.AFTER_END),
    "blank lines without end before it": (b"\n" * (MAX_BLANK_LINES + 1) + WRITTEN, Reason.NOT_OPENPGP),
    "a header that is too long": (
        armored(BASIC, headers="Comment: " + "a" * MAX_LINE_CHARACTERS),
        Reason.BAD_ARMOR,
    ),
    "headers that are too many": (armored(BASIC, headers="A: b\n" * (MAX_HEADERS + 1)), Reason.BAD_ARMOR),
    "a header that is none": (armored(BASIC, headers="hello world"), Reason.BAD_ARMOR),
    "a header of no ASCII": (armored(BASIC, headers="Comment: \u00e4"), Reason.BAD_ARMOR),
    "no blank line before the data": (HEAD + BODY + TAIL, Reason.BAD_ARMOR),
}
# Bits that no byte uses.
REFUSED["padding whose unused bits are set"] = (HEAD + b"\nwQF=\n" + TAIL, Reason.BAD_ARMOR)


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("step", [None, 1, 1000])
def test_what_stands_in_armor_beside_one_message_is_refused(
    text: bytes, reason: Reason, step: int | None
) -> None:
    if step == 1 and len(text) > 100_000:
        text = text[: MAX_LINE_CHARACTERS * 3]
    assert judge(text, step) is reason


def test_armored_data_that_ends_anywhere_before_its_end_is_refused() -> None:
    end = len(WRITTEN) - 1
    assert judge(WRITTEN[:end]) is None
    for at in range(1, end):
        # Half of the first line is not yet one.
        assert judge(WRITTEN[:at]) is (Reason.NOT_OPENPGP if at < len(HEAD) - 1 else Reason.TRUNCATED)


@settings(max_examples=200)
@given(st.binary(max_size=400), st.integers(1, 76), st.integers(1, 200), st.sampled_from(["\n", "\r\n"]))
def test_what_was_armored_comes_out(data: bytes, width: int, step: int, ending: str) -> None:
    armor, out = Armor(), b""
    text = armored(data, width=width, ending=ending)
    # Padding is of the last line, and a line of padding alone is nobody's.
    if text.splitlines()[-2].startswith(b"=") or (len(text.splitlines()[-2]) == 2 and data):
        return
    for start in range(0, len(text), step):
        out += b"".join(armor.feed(text[start : start + step]))
    assert out + b"".join(armor.finish()) == data


@settings(max_examples=300)
@given(st.integers(0, len(WRITTEN) - 1), st.integers(0, 255), st.integers(1, 100))
def test_a_changed_byte_of_armor_is_judged_the_same_in_pieces(at: int, octet: int, step: int) -> None:
    other = WRITTEN[:at] + bytes([octet]) + WRITTEN[at + 1 :]
    assert judge(other, step) is judge(other)


def test_a_refused_line_is_not_quoted() -> None:
    with pytest.raises(NotEncrypted) as refused:
        list(Armor().feed(HEAD + b"\nsecret words\n"))
    assert "secret" not in str(refused.value)

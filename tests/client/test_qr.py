"""The QR code's text."""

import pytest

from client.protocol.encoding import b64url
from client.protocol.qr import QRCode
from tests.client.pair import EXCHANGE, ORIGIN, seed

CODE = QRCode(EXCHANGE, seed("commitment"), seed("secret", 16), ORIGIN)
RAW = b"\x01" + bytes.fromhex(EXCHANGE.replace("-", "")) + CODE.commitment + CODE.secret + ORIGIN.encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.org",
        b64url(RAW),
        "hvx:",
        "hvx:" + b64url(RAW) + "=",
        "hvx:" + b64url(b"\x02" + RAW[1:]),
        "hvx:" + b64url(RAW[:65]),
        "hvx:" + b64url(RAW[:40]),
        "hvx:" + b64url(RAW + b"/"),
        "hvx:" + b64url(RAW[:65] + b"\xff\xfe"),
    ],
)
def test_a_text_that_is_no_code_of_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        QRCode.read(text)


def test_a_code_says_what_it_was_made_of() -> None:
    assert CODE.text() == "hvx:" + b64url(RAW)
    assert QRCode.read(f"  {CODE.text()}\n") == CODE


def test_the_secret_is_not_shown_where_a_code_is_printed() -> None:
    assert repr(CODE.secret) not in repr(CODE)

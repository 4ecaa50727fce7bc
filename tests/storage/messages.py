"""OpenPGP messages put together byte by byte: good ones, and everything that only looks like one.

What stands for ciphertext is noise. GnuPG's and Sequoia's own messages are in test_real_messages.py.
"""

from base64 import b64encode

from storage.protocol.openpgp.message import EncryptedMessage
from storage.protocol.openpgp.refusals import NotEncrypted, Reason
from tests.openpgp import mpi, packet

MOST = 1 << 30

PKESK, SKESK, MARKER, PADDING, SEIPD, AEAD = 1, 3, 10, 21, 18, 20
MARKED = packet(MARKER, b"PGP")


def noise(size: int) -> bytes:
    """Bytes that are the same each time, and mean nothing."""
    return bytes((37 * index + index // 256 + 11) % 256 for index in range(size))


POINT = b"\x40" + noise(32)
RSA_KEY = mpi(int.from_bytes(b"\x80" + noise(255)))

PKESK_RSA = b"\x03" + noise(8) + b"\x01" + RSA_KEY
PKESK_ECDH = b"\x03" + bytes(8) + b"\x12" + mpi(int.from_bytes(POINT)) + b"\x30" + noise(48)
PKESK_X25519 = b"\x03" + noise(8) + b"\x19" + noise(32) + b"\x29\x09" + noise(40)
PKESK_ELGAMAL = b"\x03" + noise(8) + b"\x10" + RSA_KEY * 2
PKESK_6 = b"\x06\x21\x06" + noise(32) + b"\x19" + noise(32) + b"\x28" + noise(40)
PKESK_6_TO_4 = b"\x06\x15\x04" + noise(20) + b"\x1a" + noise(56) + b"\x28" + noise(40)
PKESK_6_HIDDEN = b"\x06\x00\x19" + noise(32) + b"\x28" + noise(40)

ITERATED = b"\x03\x08" + noise(8) + b"\xff"
ARGON2 = b"\x04" + noise(16) + b"\x01\x04\x15"
SKESK_4 = b"\x04\x09" + ITERATED
SKESK_4_WITH_KEY = SKESK_4 + noise(33)
SKESK_5 = b"\x05\x09\x02" + ITERATED + noise(15) + noise(32) + noise(16)
SKESK_6 = b"\x06" + bytes([3 + 20 + 15]) + b"\x09\x02\x14" + ARGON2 + noise(15) + noise(32) + noise(16)

SEIPD_1 = b"\x01" + noise(100)
SEIPD_2 = b"\x02\x09\x02\x06" + noise(32) + noise(100)
AEAD_1 = b"\x01\x09\x02\x10" + noise(15) + noise(100)

GOOD = {
    "to an RSA key": packet(PKESK, PKESK_RSA) + packet(SEIPD, SEIPD_1),
    "to a Curve25519 key, hidden": packet(PKESK, PKESK_ECDH) + packet(SEIPD, SEIPD_1),
    "to an X25519 key, version 3": packet(PKESK, PKESK_X25519) + packet(SEIPD, SEIPD_1),
    "to an ElGamal key": packet(PKESK, PKESK_ELGAMAL) + packet(SEIPD, SEIPD_1),
    "to a passphrase": packet(SKESK, SKESK_4) + packet(SEIPD, SEIPD_1),
    "to all of them": packet(PKESK, PKESK_RSA)
    + packet(PKESK, PKESK_ECDH)
    + packet(SKESK, SKESK_4_WITH_KEY)
    + packet(SEIPD, SEIPD_1),
    "version 2 of the data": packet(PKESK, PKESK_6) + packet(SEIPD, SEIPD_2),
    "version 2 to a key of version 4": packet(PKESK, PKESK_6_TO_4) + packet(SEIPD, SEIPD_2),
    "version 2 to who is not named": packet(PKESK, PKESK_6_HIDDEN) + packet(SEIPD, SEIPD_2),
    "version 2 to a passphrase": packet(SKESK, SKESK_6) + packet(SEIPD, SEIPD_2),
    "GnuPG's own kind of data": packet(PKESK, PKESK_RSA) + packet(SKESK, SKESK_5) + packet(AEAD, AEAD_1),
    "markers anywhere": MARKED + packet(PKESK, PKESK_RSA) + MARKED + packet(SEIPD, SEIPD_1) + MARKED,
}
BASIC = GOOD["to an RSA key"]


def old(tag: int, body: bytes, length: int) -> bytes:
    """A packet in the old format, its length in so many bytes."""
    return bytes([0x80 | tag << 2 | {1: 0, 2: 1, 4: 2}[length]]) + len(body).to_bytes(length, "big") + body


def partial(tag: int, body: bytes, *exponents: int, last: bytes | None = None) -> bytes:
    """A packet in parts, each two to an exponent long, and then the rest."""
    encoded, position = bytearray([0xC0 | tag]), 0
    for exponent in exponents:
        encoded += bytes([224 | exponent]) + body[position : position + (1 << exponent)]
        position += 1 << exponent
    rest = body[position:]
    return bytes(encoded) + (b"\xff" + len(rest).to_bytes(4, "big") + rest if last is None else last)


def armored(
    message: bytes,
    *,
    kind: str = "MESSAGE",
    headers: str = "",
    width: int = 64,
    ending: str = "\n",
    checksum: str | None = None,
) -> bytes:
    """Armor, with a checksum where one is given."""
    encoded = b64encode(message).decode()
    lines = [encoded[start : start + width] for start in range(0, len(encoded), width)]
    lines += [] if checksum is None else [checksum]
    text = "\n".join(
        [f"-----BEGIN PGP {kind}-----", *headers.splitlines(), "", *lines, f"-----END PGP {kind}-----", ""]
    )
    return text.replace("\n", ending).encode()


def judge(message: bytes, step: int | None = None, *, most: int = MOST) -> Reason | None:
    """Why it is no encrypted message, or None; fed in pieces of `step` bytes."""
    found = EncryptedMessage(most)
    try:
        for start in range(0, len(message), step or max(1, len(message))):
            found.feed(message[start : start + (step or len(message))])
        found.finish()
    except NotEncrypted as refused:
        return refused.reason
    return None

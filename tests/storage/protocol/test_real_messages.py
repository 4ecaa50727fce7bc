"""Messages of GnuPG and of Sequoia: the encrypted ones are taken, all others that they make are refused."""

from collections.abc import Iterator

import pysequoia
import pytest

from storage.protocol.openpgp.refusals import Reason
from tests.storage.gnupg import GnuPG, throwaway
from tests.storage.messages import judge

TEXT = b"a plaintext that nobody shall store\n" * 50
# More than GnuPG buffers, and not compressible: the packet has parts.
BIG = bytes(range(256)) * 5 + b"".join(i.to_bytes(3, "big") for i in range(200_000))


@pytest.fixture(scope="module")
def gnupg() -> Iterator[GnuPG]:
    with throwaway() as home:
        home.make("alice", "ed25519", "cv25519")
        home.make("bob", "rsa3072", "rsa3072")
        yield home


def agrees(message: bytes, reason: Reason | None) -> None:
    for step in (None, 1 if len(message) < 5_000 else 999):
        assert judge(message, step) is reason


TO = ("--encrypt", "--recipient")
ENCRYPTED = {
    "to one": (*TO, "alice"),
    "to an RSA key": (*TO, "bob"),
    "to two": (*TO, "alice", "--recipient", "bob"),
    "to one who is hidden": ("--encrypt", "--hidden-recipient", "alice"),
    "to a passphrase": ("--symmetric",),
    "to both": ("--symmetric", *TO, "alice"),
    "signed within": ("--sign", "--local-user", "alice", *TO, "bob"),
    "not compressed": ("--compress-algo", "none", *TO, "alice"),
    "by Camellia": ("--cipher-algo", "CAMELLIA256", *TO, "alice"),
    "with a salted passphrase": ("--s2k-mode", "1", "--symmetric"),
    "with a comment": ("--comment", "made for a test", *TO, "alice"),
}


@pytest.mark.needs("gnupg")
@pytest.mark.parametrize("options", ENCRYPTED.values(), ids=ENCRYPTED)
@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
@pytest.mark.parametrize("text", [b"", TEXT, BIG], ids=["empty", "short", "big"])
def test_what_gnupg_encrypts_is_taken(
    gnupg: GnuPG, options: tuple[str, ...], text: bytes, *, armor: bool
) -> None:
    if text is BIG and options not in (ENCRYPTED["to two"], ENCRYPTED["to both"]):
        text = TEXT * 3
    message = gnupg.encrypt(*(("--armor",) if armor else ()), *options, given=text)
    assert message.startswith(b"-----BEGIN") is armor
    agrees(message, None)
    agrees(message + b"x", Reason.AFTER_END)
    agrees(message[: len(message) // 2], Reason.TRUNCATED)


@pytest.mark.needs("gnupg")
def test_what_gnupg_encrypts_in_parts_is_in_parts(gnupg: GnuPG) -> None:
    message = gnupg.encrypt("--compress-algo", "none", *TO, "alice", given=BIG)
    # Behind the session key: the data's tag, then a length of the partial kind.
    data = message.index(b"\xd2", 2 + message[1])
    assert 224 <= message[data + 1] < 255


@pytest.mark.needs("gnupg")
def test_gnupg_s_own_kind_of_data_is_taken_where_this_gnupg_writes_it(gnupg: GnuPG) -> None:
    try:
        message = gnupg.encrypt("--force-ocb", "--symmetric", given=TEXT)
    except AssertionError as refused:
        # GnuPG 2.2 reads it and writes none.
        assert "force-ocb" in str(refused)
        return
    agrees(message, None)


NOT_ENCRYPTED = {
    "literal data": (("--store", "--compress-algo", "none"), Reason.LITERAL),
    "compressed data": (("--store", "--compress-algo", "zip"), Reason.COMPRESSED),
    "signed data": (("--sign", "--compress-algo", "none", "--local-user", "alice"), Reason.SIGNED),
    "signed and compressed data": (("--sign", "--local-user", "alice"), Reason.COMPRESSED),
    "a signature": (("--detach-sign", "--local-user", "alice"), Reason.SIGNED),
    "a public key": (("--export", "alice"), Reason.KEY),
    "a private key": (("--export-secret-keys", "alice"), Reason.KEY),
    "encrypted without integrity": (
        ("--rfc2440", "--cipher-algo", "3DES", *TO, "bob"),
        Reason.NO_INTEGRITY,
    ),
}


@pytest.mark.needs("gnupg")
@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
@pytest.mark.parametrize(("options", "reason"), NOT_ENCRYPTED.values(), ids=NOT_ENCRYPTED)
def test_what_else_gnupg_makes_is_refused(
    gnupg: GnuPG, options: tuple[str, ...], reason: Reason, *, armor: bool
) -> None:
    agrees(gnupg.encrypt(*(("--armor",) if armor else ()), *options, given=TEXT), reason)


@pytest.mark.needs("gnupg")
def test_words_signed_in_the_open_are_refused(gnupg: GnuPG) -> None:
    agrees(gnupg.encrypt("--clear-sign", "--local-user", "alice", given=TEXT), Reason.SIGNED)


@pytest.mark.parametrize("profile", [pysequoia.Profile.RFC4880, pysequoia.Profile.RFC9580])
@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
def test_what_sequoia_encrypts_is_taken(profile: pysequoia.Profile, *, armor: bool) -> None:
    certs = [pysequoia.Tsk.generate("alice", profile=profile).extract_certificate() for _ in range(2)]
    for text in (b"", TEXT, BIG):
        for recipients, passwords in (
            (certs[:1], []),
            (certs, []),
            ([], ["correct horse"]),
            (certs, ["correct horse"]),
        ):
            message = pysequoia.encrypt(text, recipients, passwords=passwords, armor=armor)
            agrees(message, None)
    agrees(message + b"x", Reason.AFTER_END)


def test_what_sequoia_encrypts_to_new_keys_is_of_version_2() -> None:
    cert = pysequoia.Tsk.generate("alice", profile=pysequoia.Profile.RFC9580).extract_certificate()
    message = pysequoia.encrypt(TEXT, [cert], armor=False)
    # A session key of version 6, and data of version 2 behind it.
    assert message[2] == 6
    assert message[2 + message[1]] == 0xC0 | 18


@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
def test_what_else_sequoia_makes_is_refused(*, armor: bool) -> None:
    key = pysequoia.Tsk.generate("alice")
    signer = key.signer()
    agrees(pysequoia.sign(signer, TEXT, armor=armor), Reason.SIGNED)
    detached = pysequoia.sign(signer, TEXT, mode=pysequoia.SignatureMode.DETACHED, armor=armor)
    agrees(detached, Reason.SIGNED)
    agrees(bytes(key.extract_certificate()), Reason.KEY)
    agrees(bytes(key), Reason.KEY)

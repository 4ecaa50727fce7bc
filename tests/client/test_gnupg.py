"""Keys from elsewhere, as GnuPG meets them: what is not exactly one working key of its kind is refused."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.examination import Examination
from client.faults import GnupgFault, KeyFault
from client.gnupg import MAX_KEY_BLOCK, Home, throwaway_home
from client.protocol.reasons import Reason, Refused
from tests.openpgp import armored

pytestmark = pytest.mark.needs("gnupg")

TEXT = b"hvx-device-certificate/1\norigin: https://example.org"


@pytest.fixture
def home() -> Iterator[Home]:
    with throwaway_home() as home:
        yield home


@pytest.fixture
def key(home: Home) -> str:
    return home.make_key("alice@localhost:8000")


def _packets(block: str) -> bytes:
    lines = block.strip().splitlines()
    return base64.b64decode("".join(line for line in lines[lines.index("") + 1 : -1] if line[0] != "="))


def _make(home: Home, parameters: str) -> str:
    made = home._gpg.gen_key(parameters + "\nName-Real: test\nExpire-Date: 0\n%no-protection\n%commit\n")
    assert made.fingerprint
    return str(made.fingerprint)


JUNK = {
    "nothing": "",
    "words": "not a key",
    "bytes": "\x00\xff" * 50,
    "an empty block": armored(b"", "PRIVATE KEY BLOCK"),
    "noise in a block": armored(bytes(range(256)), "PRIVATE KEY BLOCK"),
    "noise in a public block": armored(bytes(range(256)), "PUBLIC KEY BLOCK"),
    "a signature block": armored(b"\x88\x00", "SIGNATURE"),
    "far too much": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" + "A" * MAX_KEY_BLOCK,
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_junk_is_no_key_of_either_kind(junk: str) -> None:
    with pytest.raises(Refused) as refused, Examination().examine(junk):
        pass
    assert refused.value.reason is Reason.BAD_KEY
    with pytest.raises(KeyFault), Examination().examine_public(junk):
        pass


def test_a_private_key_is_refused_where_a_public_one_belongs_whatever_its_armor_says(
    home: Home, key: str
) -> None:
    private = home.give_secret(key)
    for block in (private, private.replace("PRIVATE KEY BLOCK", "PUBLIC KEY BLOCK")):
        with throwaway_home() as other:
            with pytest.raises(KeyFault):
                other.take_public(block)
            assert not other.secret_parts(key)


def test_a_public_key_is_refused_where_a_private_one_belongs(home: Home, key: str) -> None:
    public = home.give_public(key)
    for block in (public, public.replace("PUBLIC KEY BLOCK", "PRIVATE KEY BLOCK")):
        with pytest.raises(Refused), Examination().examine(block):
            pass


def test_two_keys_are_refused_where_one_belongs(home: Home, key: str) -> None:
    other = home.make_key("bob@localhost:8000")
    both = _packets(home.give_secret(key)) + _packets(home.give_secret(other))
    with pytest.raises(Refused), Examination().examine(armored(both, "PRIVATE KEY BLOCK")):
        pass
    with pytest.raises(Refused), Examination().examine(home.give_secret(key) + home.give_secret(other)):
        pass


def _secret_numbers(home: Home) -> dict[str, bytes]:
    """The secret numbers in the home, by the keygrip that is the file's name."""
    found = {}
    for file in (home.folder / "private-keys-v1.d").iterdir():
        raw = file.read_bytes()
        if text := re.search(rb"\(d\s+#([0-9A-Fa-f\s]+)#\)", raw):
            found[file.stem] = bytes.fromhex(b"".join(text[1].split()).decode()).lstrip(b"\x00")
        elif plain := re.search(rb"1:d(\d+):", raw):
            found[file.stem] = raw[plain.end() : plain.end() + int(plain[1])].lstrip(b"\x00")
    return found


@pytest.mark.parametrize("part", ["primary key", "subkey"])
def test_a_secret_that_is_not_its_public_halfs_does_not_work(home: Home, key: str, part: str) -> None:
    listed = home._gpg.list_keys(secret=True, keys=[key])[0]
    grip = listed["keygrip"] if part == "primary key" else listed["subkeys"][0][3]
    secret = _secret_numbers(home)[grip]
    swapped = secret[:1] + bytes(octet ^ 0x55 for octet in secret[1:-1]) + secret[-1:]
    packets = bytearray(_packets(home.give_secret(key)))
    at = packets.index(secret)
    packets[at : at + len(secret)] = swapped
    # The checksum behind an unprotected secret is the sum of its octets, length included (RFC 4880 §5.5.3).
    end = at + len(secret)
    packets[end : end + 2] = (sum(packets[at - 2 : end]) % 65536).to_bytes(2, "big")
    try:
        with Examination().examine(armored(bytes(packets), "PRIVATE KEY BLOCK")) as examined:
            assert examined.fingerprint == key
            assert not examined.every_secret_key_works()
    except Refused as refused:
        # A newer GnuPG may look for itself, and not even take it in.
        assert refused.reason is Reason.BAD_KEY


def test_a_key_under_a_passphrase_does_not_work_here() -> None:
    passphrase = "nine planted words for nobody"
    with throwaway_home(ask=True) as other:
        made = other._gpg.gen_key(
            "Key-Type: eddsa\nKey-Curve: ed25519\nKey-Usage: cert sign\n"
            "Subkey-Type: ecdh\nSubkey-Curve: cv25519\nSubkey-Usage: encrypt\n"
            f"Name-Real: test\nPassphrase: {passphrase}\n%commit\n"
        )
        protected = other._gpg.export_keys(made.fingerprint, secret=True, passphrase=passphrase)
    with Examination().examine(protected) as examined:
        assert not examined.every_secret_key_works()
        with pytest.raises(GnupgFault, match="passphrase"):
            examined.home.sign(examined.fingerprint, TEXT)


def test_a_key_that_cannot_decrypt_does_not_work(home: Home) -> None:
    key = _make(home, "Key-Type: eddsa\nKey-Curve: ed25519\nKey-Usage: cert sign")
    with Examination().examine(home.give_secret(key)) as examined:
        assert not examined.every_secret_key_works()


def test_a_key_whose_primary_part_only_certifies_does_not_work(home: Home) -> None:
    key = _make(
        home,
        "Key-Type: eddsa\nKey-Curve: ed25519\nKey-Usage: cert\n"
        "Subkey-Type: ecdh\nSubkey-Curve: cv25519\nSubkey-Usage: encrypt",
    )
    with Examination().examine(home.give_secret(key)) as examined:
        assert not examined.every_secret_key_works()


def test_a_part_that_cannot_be_tried_makes_the_key_unfit(home: Home) -> None:
    key = _make(
        home,
        "Key-Type: rsa\nKey-Length: 3072\nKey-Usage: cert sign encrypt\n"
        "Subkey-Type: eddsa\nSubkey-Curve: ed25519\nSubkey-Usage: auth",
    )
    with Examination().examine(home.give_secret(key)) as examined:
        assert not examined.every_secret_key_works()


def test_a_signature_by_a_subkey_is_not_the_account_keys(home: Home) -> None:
    key = _make(
        home,
        "Key-Type: eddsa\nKey-Curve: ed25519\nKey-Usage: cert sign\n"
        "Subkey-Type: eddsa\nSubkey-Curve: ed25519\nSubkey-Usage: sign",
    )
    subkey = home.secret_parts(key)[1].fingerprint
    with Examination().examine_public(home.give_public(key)) as examined:
        assert not examined.verifies(TEXT, home.sign(subkey, TEXT))
        assert examined.verifies(TEXT, home.sign(key, TEXT))


@pytest.mark.parametrize(
    "options",
    [["--textmode"], ["--digest-algo", "SHA1"], ["--digest-algo", "SHA224"]],
    ids=["text mode", "SHA-1", "SHA-224"],
)
def test_a_signature_of_another_kind_is_refused(home: Home, key: str, options: list[str]) -> None:
    signed = home._gpg.sign(TEXT, keyid=key, detach=True, clearsign=False, extra_args=options)
    with Examination().examine_public(home.give_public(key)) as examined:
        assert not examined.verifies(TEXT, str(signed))


def test_a_signature_over_another_text_or_by_another_key_is_refused(home: Home, key: str) -> None:
    other = home.make_key("bob@localhost:8000")
    with Examination().examine_public(home.give_public(key)) as examined:
        assert not examined.verifies(TEXT + b"\n", home.sign(key, TEXT))
        assert not examined.verifies(TEXT, home.sign(other, TEXT))
        assert not examined.verifies(TEXT, "")
        assert not examined.verifies(TEXT, armored(b"\x88\x01\x04", "SIGNATURE"))


def test_a_certificate_stands_alone_and_a_transition_does_not(home: Home, key: str) -> None:
    other = home.make_key("bob@localhost:8000")
    both = home.sign(key, TEXT, other)
    apart = home.sign(other, TEXT) + "\n" + home.sign(key, TEXT)
    for signer in (key, other):
        with Examination().examine_public(home.give_public(signer)) as examined:
            for block in (both, apart):
                assert not examined.verifies(TEXT, block)
                assert examined.verifies(TEXT, block, alone=False)


def test_an_account_key_is_ed25519_with_a_curve25519_subkey_and_all_of_it_works(home: Home, key: str) -> None:
    assert [(part.usage, part.secret) for part in home.secret_parts(key)] == [("sc", "+"), ("e", "+")]
    block = home.give_secret(key)
    assert len(block) < 2000
    with Examination().examine(block) as examined:
        assert examined.fingerprint == key
        assert examined.every_secret_key_works()


def test_an_account_key_does_not_ask_for_modes_that_an_older_gnupg_cannot_read(home: Home, key: str) -> None:
    listed = home._gpg._open_subprocess(["--list-packets"])
    shown, _ = listed.communicate(home.give_public(key).encode())
    features = re.findall(rb"hashed subpkt 30 .*features: ([0-9A-F]+)", shown)
    assert features
    # RFC 4880 §5.2.3.24: bit 1 is the MDC; RFC 9580 and GnuPG name their AEAD modes above it.
    assert all(int(flags, 16) == 1 for flags in features)


def test_a_message_to_the_key_opens_with_it(home: Home, key: str) -> None:
    assert home.decrypt(home.encrypt(b"thirty-two bytes", key)) == b"thirty-two bytes"
    with throwaway_home() as other:
        other.take_public(home.give_public(key))
        message = other.encrypt(b"for the key", key)
        with pytest.raises(GnupgFault):
            other.decrypt(message)
    assert home.decrypt(message) == b"for the key"


def test_an_erased_key_is_gone(home: Home, key: str) -> None:
    home.erase(key)
    assert not home.secret_parts(key)
    assert not list((home.folder / "private-keys-v1.d").iterdir())


def test_nothing_is_left_of_a_throwaway_home() -> None:
    with throwaway_home() as home:
        folder = home.folder
        home.make_key("alice@localhost:8000")
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


def test_a_home_whose_path_is_too_long_for_the_agent_is_said_to_be_so(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["a-long-folder-name"] * 8)
    long_home = Home(folder)
    try:
        with pytest.raises(GnupgFault, match="too long"):
            long_home.make_key("alice@localhost:8000")
    finally:
        long_home.stop()

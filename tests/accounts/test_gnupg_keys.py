"""Keys and signatures that GnuPG itself made, at the server; and the kit's own keys in GnuPG."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accounts import errors
from accounts.openpgp import SignatureRefused, read_public_key, verify
from tests.openpgp import SIGN, ed25519_part, make_key, rsa_part
from tests.people import DjangoWire, Person

pytestmark = pytest.mark.needs("gnupg")
TEXT = b"hvx-device-certificate/1\norigin: https://example.org\nchallenge: abc"


class GnuPG:
    """GnuPG with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *arguments: str, given: bytes = b"", at: datetime | None = None) -> bytes:
        clock = [] if at is None else ["--faked-system-time", at.strftime("%Y%m%dT%H%M%S")]
        quietly = ("--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
        done = subprocess.run(
            ["gpg", "--homedir", str(self.home), *quietly, "--trust-model", "always", *clock, *arguments],
            input=given,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def make(
        self, name: str, primary: str = "ed25519", usage: str = "sign,cert", subkey: str = "cv25519"
    ) -> str:
        """A new key's fingerprint."""
        self.run("--quick-generate-key", name, primary, usage, "never")
        fingerprint = self.fingerprints(name)[0]
        if subkey:
            self.run("--quick-add-key", fingerprint, subkey, "encr", "never")
        return fingerprint

    def fingerprints(self, name: str) -> list[str]:
        listed = self.run("--with-colons", "--list-keys", name).decode().splitlines()
        return [line.split(":")[9] for line in listed if line.startswith("fpr:")]

    def public(self, fingerprint: str) -> str:
        return self.run("--armor", "--export", fingerprint).decode()

    def sign(self, fingerprint: str, *options: str, at: datetime | None = None) -> str:
        signer = ["--armor", "--local-user", f"{fingerprint}!", *(options or ("--detach-sign",))]
        return self.run(*signer, given=TEXT, at=at).decode()


@pytest.fixture(scope="module")
def gnupg() -> Iterator[GnuPG]:
    # Not pytest's own folder: the path of the agent's socket must be short.
    home = Path(tempfile.mkdtemp(prefix="hvx-gpg-"))
    yield GnuPG(home)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True, capture_output=True)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def alice(gnupg: GnuPG) -> str:
    fingerprint = gnupg.make("alice")
    gnupg.run("--quick-add-key", fingerprint, "ed25519", "sign", "never")
    return fingerprint


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize(
    ("primary", "usage", "subkey", "refusal"),
    [
        ("rsa2048", "sign,cert", "rsa2048", errors.PublicKeyAlgorithm),
        ("rsa3072", "sign,cert", "rsa2048", errors.PublicKeyAlgorithm),
        ("dsa2048", "sign,cert", "", errors.PublicKeyAlgorithm),
        ("nistp256", "sign,cert", "nistp256", errors.PublicKeyAlgorithm),
        ("ed25519", "cert", "cv25519", errors.PublicKeyCannotSign),
        ("ed25519", "sign,cert", "", errors.PublicKeyCannotEncrypt),
    ],
)
def test_a_key_of_gnupg_is_refused(
    gnupg: GnuPG, primary: str, usage: str, subkey: str, refusal: type[errors.PublicKeyRefused]
) -> None:
    fingerprint = gnupg.make(f"{primary} {usage} {subkey or 'alone'}", primary, usage, subkey)
    with pytest.raises(refusal):
        read_public_key(gnupg.public(fingerprint), now=now())


def test_an_expired_or_revoked_key_of_gnupg_is_refused(gnupg: GnuPG) -> None:
    fingerprint = gnupg.make("short lived")
    gnupg.run("--quick-set-expire", fingerprint, "1d")
    text = gnupg.public(fingerprint)
    read_public_key(text, now=now())
    with pytest.raises(errors.PublicKeyExpired):
        read_public_key(text, now=now() + timedelta(days=2))
    certificate = gnupg.home / "openpgp-revocs.d" / f"{fingerprint}.rev"
    # GnuPG puts a colon before the armor, against importing it by mistake.
    gnupg.run("--import", given=certificate.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))
    with pytest.raises(errors.PublicKeyRevoked):
        read_public_key(gnupg.public(fingerprint), now=now())


def test_a_private_key_of_gnupg_is_refused(gnupg: GnuPG, alice: str) -> None:
    with pytest.raises(errors.PublicKeySecret):
        read_public_key(gnupg.run("--armor", "--export-secret-keys", alice).decode(), now=now())
    with pytest.raises(errors.PublicKeySecret):
        read_public_key(gnupg.run("--armor", "--export-secret-subkeys", alice).decode(), now=now())


def test_a_key_of_gnupg_is_refused_without_its_armor(gnupg: GnuPG, alice: str) -> None:
    with pytest.raises(errors.PublicKeyUnreadable):
        read_public_key(gnupg.run("--export", alice).decode("latin-1"), now=now())


def test_two_keys_of_gnupg_in_one_block_are_refused(gnupg: GnuPG, alice: str) -> None:
    other = gnupg.make("another")
    with pytest.raises(errors.PublicKeyNotSingle):
        read_public_key(gnupg.run("--armor", "--export", alice, other).decode(), now=now())


@pytest.mark.parametrize(
    ("options", "age"),
    [
        (("--clearsign",), 0),
        (("--sign",), 0),
        (("--textmode", "--detach-sign"), 0),
        (("--digest-algo", "SHA1", "--allow-weak-digest-algos", "--detach-sign"), 0),
        (("--digest-algo", "SHA224", "--detach-sign"), 0),
        (("--detach-sign",), 11),
    ],
    ids=["cleartext", "inline", "of a text document", "SHA-1", "SHA-224", "eleven minutes old"],
)
def test_a_signature_of_gnupg_is_refused(gnupg: GnuPG, options: tuple[str, ...], age: int) -> None:
    # The key must be older than the signature that is made in the past.
    long_ago = now() - timedelta(days=1)
    name = f"signs {options} {age}"
    gnupg.run("--quick-generate-key", name, "ed25519", "sign,cert", "never", at=long_ago)
    fingerprint = gnupg.fingerprints(name)[0]
    gnupg.run("--quick-add-key", fingerprint, "cv25519", "encr", "never", at=long_ago)
    key = read_public_key(gnupg.public(fingerprint), now=now())
    verify(gnupg.sign(fingerprint), TEXT, [key], now=now())
    made = gnupg.sign(fingerprint, *options, at=now() - timedelta(minutes=age) if age else None)
    with pytest.raises(SignatureRefused):
        verify(made, TEXT, [key], now=now())


def test_a_signature_by_a_subkey_of_gnupg_is_refused(gnupg: GnuPG, alice: str) -> None:
    key = read_public_key(gnupg.public(alice), now=now())
    signing_subkey = gnupg.fingerprints("alice")[2]
    with pytest.raises(SignatureRefused):
        verify(gnupg.sign(signing_subkey), TEXT, [key], now=now())
    assert verify(gnupg.sign(alice), TEXT, [key], now=now())[0].fingerprint == alice


def test_a_person_whose_key_gnupg_made_registers_and_certifies_a_device(
    gnupg: GnuPG, wire: DjangoWire
) -> None:
    person = Person(wire)
    fingerprint = gnupg.make(person.username)

    class Signer:
        """The person's key, in GnuPG's keeping."""

        public = gnupg.public(fingerprint)

        def __init__(self) -> None:
            self.fingerprint = fingerprint

        def sign(self, text: str) -> str:
            made = gnupg.run(
                "--armor", "--local-user", f"{fingerprint}!", "--detach-sign", given=text.encode()
            )
            return made.decode()

    person.key = Signer()  # type: ignore[assignment]
    person.register().expect(201)
    phone = person.certified_handset()
    phone.call("GET", "me").expect(200)
    person.handset.revoke(phone).expect(200)


@pytest.mark.parametrize("algorithm", ["Ed25519", "RSA"])
def test_gnupg_takes_the_kits_keys_and_signatures(gnupg: GnuPG, algorithm: str, tmp_path: Path) -> None:
    key = make_key(f"kit {algorithm}")
    if algorithm == "RSA":
        key = make_key(f"kit {algorithm}", primary=rsa_part(key.primary.created, 3072))
    key = key.with_subkey(ed25519_part(key.primary.created), flags=SIGN)
    gnupg.run("--import", given=key.secret.encode())
    assert gnupg.fingerprints(f"kit {algorithm}")[0] == key.fingerprint
    (tmp_path / "text").write_bytes(TEXT)
    (tmp_path / "signature").write_text(key.sign(TEXT))
    gnupg.run("--verify", str(tmp_path / "signature"), str(tmp_path / "text"))
    sealed = gnupg.run("--armor", "--encrypt", "--recipient", key.fingerprint, given=b"hello")
    assert gnupg.run("--decrypt", given=sealed) == b"hello"

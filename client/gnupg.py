"""The account key, in a GnuPG home of its own or of the user's, by python-gnupg.

GnuPG is given nothing from elsewhere before its size and kind are known, and keys from
elsewhere are examined in a home that is thrown away.
"""

import logging
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gnupg

from client.faults import GnupgFault, KeyFault

MAX_KEY_BLOCK = 32 * 1024
"""Characters of an armored key, or of all of a delivery's, that are looked at at all."""

MAX_SIGNATURE = 16 * 1024

# python-gnupg writes the beginnings of key blocks to its log at level DEBUG.
logging.getLogger("gnupg").setLevel(logging.ERROR)

_SECRET_BLOCK = "PGP PRIVATE KEY BLOCK"
_PUBLIC_BLOCK = "PGP PUBLIC KEY BLOCK"
_SIGNATURE_BLOCK = "PGP SIGNATURE"
_ARMOR_HEAD = re.compile(r"^-----BEGIN ([A-Z ]+)-----\r?$", re.MULTILINE)

_MADE_KEY = """\
Key-Type: eddsa
Key-Curve: ed25519
Key-Usage: cert sign
Subkey-Type: ecdh
Subkey-Curve: cv25519
Subkey-Usage: encrypt
Name-Real: {user_id}
Expire-Date: 0
Preferences: AES256 AES192 AES SHA512 SHA384 SHA256 ZLIB ZIP Uncompressed
%no-protection
%commit
"""
"""Preferences without an AEAD mode: what a newer GnuPG makes must open in an older one."""


@dataclass(frozen=True, slots=True)
class KeyPart:
    """A primary key or subkey. `usage` holds GnuPG's letters c, s, e, a; `secret` is the secret's
    whereabouts: `+` here, `#` missing, empty for a public key."""

    fingerprint: str
    usage: str
    secret: str


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature of a block, as GnuPG reports it. `status` is GOODSIG, EXPKEYSIG, BADSIG and so on."""

    status: str
    fingerprint: str = ""
    primary: str = ""
    version: str = ""
    hash: str = ""
    kind: str = ""


class Home:
    """A GnuPG home folder, and what a client does in it.

    `ask` lets GnuPG ask for a passphrase by the user's own pinentry; otherwise a protected
    key is a fault at once.
    """

    def __init__(self, folder: Path, *, ask: bool = False) -> None:
        self.folder = folder
        self._own = not ask
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        options = ["--trust-model", "always", "--no-auto-key-locate", "--no-auto-check-trustdb"]
        if not ask:
            options += ["--pinentry-mode", "error"]
        try:
            self._gpg = gnupg.GPG(gnupghome=str(folder), options=options)
        except (OSError, ValueError) as fault:
            raise GnupgFault("GnuPG cannot be started; is the program gpg installed?") from fault

    # Making, taking in, giving out

    def make_key(self, user_id: str) -> str:
        """A new account key without a passphrase; its fingerprint."""
        made = self._gpg.gen_key(_MADE_KEY.format(user_id=user_id))
        if not made.fingerprint:
            raise GnupgFault(f"GnuPG made no key in {self.folder}; is that path too long for its agent?")
        return str(made.fingerprint)

    def take_secret(self, private_key: str) -> str:
        """Import one armored private key; its fingerprint."""
        require_block(private_key, _SECRET_BLOCK)
        return self._take(private_key, secret=True)

    def take_public(self, public_key: str) -> str:
        """Import one armored public key; its fingerprint. Secret material is refused unread."""
        require_block(public_key, _PUBLIC_BLOCK)
        return self._take(public_key, secret=False)

    def give_secret(self, fingerprint: str) -> str:
        """The private key, armored, as a minimal export."""
        armored = self._run(
            lambda: self._gpg.export_keys(fingerprint, secret=True, minimal=True, expect_passphrase=False)
        )
        require_block(str(armored), _SECRET_BLOCK)
        return str(armored)

    def give_public(self, fingerprint: str) -> str:
        """The public key, armored, as a minimal export."""
        armored = str(self._run(lambda: self._gpg.export_keys(fingerprint, minimal=True)))
        require_block(armored, _PUBLIC_BLOCK)
        return armored

    def erase(self, fingerprint: str) -> None:
        """Delete the private and the public half."""
        for secret in (True, False):
            self._gpg.delete_keys(fingerprint, secret=secret, expect_passphrase=False)
        if self.secret_parts(fingerprint):
            raise GnupgFault("GnuPG did not delete the account key.")
        if self._own:
            # GnuPG made a revocation certificate beside the key, and leaves it there.
            (self.folder / "openpgp-revocs.d" / f"{fingerprint}.rev").unlink(missing_ok=True)

    def secret_parts(self, fingerprint: str) -> list[KeyPart]:
        """The private key's primary and subkeys; empty when it is not here."""
        listed = self._gpg.list_keys(secret=True, keys=[fingerprint])
        return [part for key in listed for part in _parts(key)]

    # Using

    def sign(self, fingerprint: str, text: bytes, *others: str) -> str:
        """A detached armored signature over `text` by the primary key itself, not by a subkey.

        With `others` the block holds one signature by each of them too.
        """
        users = [word for user in (fingerprint, *others) for word in ("-u", f"{user}!")]
        signed = self._run(
            lambda: self._gpg.sign(
                text,
                detach=True,
                clearsign=False,
                extra_args=["--digest-algo", "SHA256", *users],
            )
        )
        armored = str(signed)
        if _SIGNATURE_BLOCK not in armored:
            raise GnupgFault("GnuPG did not sign with the account key; is it protected by a passphrase?")
        return armored

    def signatures(self, text: bytes, signature: str) -> list[Signature]:
        """What GnuPG finds in a detached signature block over `text`."""
        if not _is_block(signature, _SIGNATURE_BLOCK, MAX_SIGNATURE):
            return []
        return self._signatures(text, signature)

    def _signatures(self, text: bytes, signature: str) -> list[Signature]:
        with tempfile.NamedTemporaryFile("w", suffix=".asc", encoding="ascii") as file:
            file.write(signature)
            file.flush()
            try:
                return _read_signatures(self._gpg.verify_data(file.name, text).stderr)
            except OSError:
                return []

    def encrypt(self, data: bytes, recipient: str, *, armor: bool = True) -> bytes:
        """An OpenPGP message to one key, or with `!` behind the fingerprint to one subkey."""
        done = self._run(lambda: self._gpg.encrypt(data, [recipient], always_trust=True, armor=armor))
        if not done.ok:
            raise GnupgFault("GnuPG did not encrypt to the account key.")
        return bytes(done.data)

    def decrypt(self, message: bytes) -> bytes:
        """What such a message holds."""
        done = self._run(lambda: self._gpg.decrypt(message))
        if not done.ok:
            raise GnupgFault("GnuPG could not decrypt a message to the account key.")
        return bytes(done.data)

    def lock(self, data: bytes, passphrase: str) -> bytes:
        """An armored message that the passphrase opens."""
        done = self._run(
            lambda: self._gpg.encrypt(data, None, symmetric="AES256", passphrase=passphrase, armor=True)
        )
        if not done.ok:
            raise GnupgFault("GnuPG did not encrypt with the passphrase.")
        return bytes(done.data)

    def unlock(self, message: bytes, passphrase: str) -> bytes:
        """The reverse."""
        done = self._run(lambda: self._gpg.decrypt(message, passphrase=passphrase))
        if not done.ok:
            raise KeyFault("The passphrase does not open this.")
        return bytes(done.data)

    def stop(self) -> None:
        """End the agent that GnuPG started for this home."""
        subprocess.run(
            ["gpgconf", "--homedir", str(self.folder), "--kill", "all"],
            check=False,
            capture_output=True,
            timeout=30,
        )

    # Within

    def _take(self, armored: str, *, secret: bool) -> str:
        scanned = self._run(lambda: self._gpg.scan_keys_mem(armored))
        kinds = {key["type"] for key in scanned}
        if len(scanned) != 1:
            raise KeyFault("There must be exactly one OpenPGP key.")
        if not secret and kinds != {"pub"}:
            raise KeyFault("This is a private key where a public one belongs; it was not read further.")
        if secret and kinds != {"sec"}:
            raise KeyFault("This is no private key.")
        fingerprint = str(scanned[0]["fingerprint"])
        taken = self._run(lambda: self._gpg.import_keys(armored))
        if fingerprint not in taken.fingerprints:
            raise KeyFault("GnuPG did not take the key.")
        return fingerprint

    def _run(self, act: Any) -> Any:
        try:
            return act()
        except (OSError, ValueError) as fault:
            # Junk makes gpg close its end of the pipe early.
            raise KeyFault("GnuPG could not read what it was given.") from fault


@contextmanager
def throwaway_home(*, ask: bool = False) -> Iterator[Home]:
    """A GnuPG home that leaves nothing behind; in memory where the system offers that."""
    memory = Path("/dev/shm")  # noqa: S108  (the folder made inside is ours alone, mode 0700)
    with tempfile.TemporaryDirectory(
        prefix="hvx-", dir=memory if memory.is_dir() else None, ignore_cleanup_errors=True
    ) as folder:
        home = Home(Path(folder), ask=ask)
        try:
            yield home
        finally:
            home.stop()


def require_block(text: str, kind: str) -> None:
    """`KeyFault` unless `text` is one armored block of that kind and of bearable size."""
    if not _is_block(text, kind, MAX_KEY_BLOCK):
        raise KeyFault("This is not one armored OpenPGP key of the kind that belongs here.")


def _is_block(text: str, kind: str, limit: int) -> bool:
    return len(text) <= limit and text.isascii() and _ARMOR_HEAD.findall(text) == [kind]


def _parts(key: dict[str, Any]) -> Iterator[KeyPart]:
    yield KeyPart(key["fingerprint"], _own_usage(key["cap"]), key["token"])
    details = key.get("subkey_info", {})
    for key_id, _, fingerprint, *_ in key["subkeys"]:
        yield KeyPart(fingerprint, _own_usage(details[key_id]["cap"]), details[key_id]["token"])


def _own_usage(letters: str) -> str:
    # Upper-case letters speak of the whole key, lower-case ones of the part itself.
    return "".join(letter for letter in letters if letter.islower())


def _read_signatures(status: str) -> list[Signature]:
    found: list[Signature] = []
    for words in _status_words(status):
        match words:
            case [("GOODSIG" | "EXPSIG" | "EXPKEYSIG" | "REVKEYSIG" | "BADSIG" | "ERRSIG") as kind, *_]:
                found.append(Signature(kind))
            case ["VALIDSIG", fingerprint, _, _, _, version, _, _, digest, kind, primary, *_] if found:
                found[-1] = Signature(found[-1].status, fingerprint, primary, version, digest, kind)
    return found


def _status_words(status: str) -> Iterator[Sequence[str]]:
    for line in status.splitlines():
        if line.startswith("[GNUPG:] "):
            yield line.split()[1:]

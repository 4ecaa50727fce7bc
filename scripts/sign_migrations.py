"""Signs the list of migrations anew: for a maintainer, who holds the key. See docs/decisions/0018.

python -m scripts.sign_migrations [--key FILE]             sign what is there now
python -m scripts.sign_migrations [--key FILE] --new-key   make a key, and pin its public half here
python -m scripts.sign_migrations --check                  what `make check` runs; wants no key
"""

import argparse
import getpass
import os
import sys
from pathlib import Path

import platformdirs
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.core.management.base import CommandError

from hvx.schema import manifest

DEFAULT_KEY = platformdirs.user_config_path("hvx") / "migrations.key"


def main() -> None:
    parser = argparse.ArgumentParser(prog="sign_migrations", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--key", type=Path, default=DEFAULT_KEY, help=f"the private key (default: {DEFAULT_KEY})"
    )
    parser.add_argument("--new-key", action="store_true", help="make that key and pin its public half")
    parser.add_argument("--check", action="store_true", help="say whether list, signature and files agree")
    options = parser.parse_args()
    try:
        if not options.check:
            key = make_key(options.key) if options.new_key else load_key(options.key)
            if options.new_key:
                manifest.pin(key)
            manifest.sign(key)
        signed = manifest.read()
        manifest.require_files_as_signed(signed)
    except CommandError as error:
        sys.exit(f"{error}")
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
    print(f"{len(signed.digests)} migrations, signed by {signed.signer}.")


def make_key(path: Path) -> Ed25519PrivateKey:
    """Return a new key, written to `path`, which must not be there."""
    key = Ed25519PrivateKey.generate()
    passphrase = getpass.getpass("A passphrase for the key (none: empty): ") if sys.stdin.isatty() else ""
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase:
        encryption = BestAvailableEncryption(passphrase.encode())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return key


def load_key(path: Path) -> Ed25519PrivateKey:
    """Return the key of a file, asking for its passphrase where it has one."""
    pem = path.read_bytes()
    try:
        key = load_pem_private_key(pem, None)
    except TypeError:
        key = load_pem_private_key(pem, getpass.getpass(f"Passphrase of {path}: ").encode())
    if not isinstance(key, Ed25519PrivateKey):
        sys.exit(f"{path} is no Ed25519 key")
    return key


if __name__ == "__main__":
    main()

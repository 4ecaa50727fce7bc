"""Which migrations this version has: a list of digests, signed by a maintainer.

`migrations.sha256` has a line for each file, as sha256sum writes them; `migrations.sig` is the Ed25519
signature over "hvx-migrations/1\\n" and that, in base64; `migrations.pub` is the public key, in PEM. The
private key is a maintainer's and in no repository: `scripts/sign_migrations.py`.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from django.core.management.base import CommandError

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FOLDER = Path(__file__).resolve().parent
LIST, SIGNATURE, PUBLIC_KEY = "migrations.sha256", "migrations.sig", "migrations.pub"

_LABEL = b"hvx-migrations/1\n"
_LINE = re.compile(r"([0-9a-f]{64})  (\w+)/migrations/(\w+)\.py")


class SchemaNotAsSigned(CommandError):
    """The migrations at hand are not those of the signed list, or the list is not signed."""


@dataclass(frozen=True)
class Manifest:
    """A list whose signature holds. `digests` is by `room.name`; `signer` names the public key."""

    digests: Mapping[str, str]
    signer: str


def read(folder: Path = FOLDER) -> Manifest:
    """Return the list. Raises SchemaNotAsSigned where there is none or its signature does not hold."""
    try:
        text = (folder / LIST).read_bytes()
        key = load_pem_public_key((folder / PUBLIC_KEY).read_bytes())
        signature = base64.b64decode((folder / SIGNATURE).read_text().strip(), validate=True)
        assert isinstance(key, Ed25519PublicKey)  # noqa: S101
        key.verify(signature, _LABEL + text)
    except FileNotFoundError as error:
        name = Path(error.filename).name
        raise SchemaNotAsSigned(f"the signed list of migrations is not whole: {name} is missing.") from None
    except (InvalidSignature, AssertionError, ValueError, binascii.Error):
        raise SchemaNotAsSigned(
            f"the list of migrations {LIST} does not bear its maintainer's signature: it, its signature or "
            "the public key was changed."
        ) from None
    return Manifest(_parsed(text), signer_of(key))


def require_files_as_signed(manifest: Manifest, repository: Path = REPOSITORY) -> None:
    """Raises SchemaNotAsSigned with the name of each migration that is changed, missing or unknown."""
    found = digests(repository)
    faults = {
        **{name: "changed" for name, digest in manifest.digests.items() if found.get(name) != digest},
        **dict.fromkeys(manifest.digests.keys() - found.keys(), "missing"),
        **dict.fromkeys(found.keys() - manifest.digests.keys(), "unknown"),
    }
    if faults:
        told = ", ".join(f"{name} is {fault}" for name, fault in sorted(faults.items()))
        raise SchemaNotAsSigned(
            f"the migrations are not those of the signed list: {told}. Put the files of this version back; "
            "who has written a migration signs the list anew (CONTRIBUTING.md)."
        )


def digests(repository: Path = REPOSITORY) -> dict[str, str]:
    """Return the SHA-256 of every migration's file, by `room.name`; what is no `.py` keeps its ending.

    Any file counts: Python would run one that is compiled and has no source.
    """
    return {
        f"{path.parent.parent.name}.{path.name.removesuffix('.py')}": sha256(path.read_bytes()).hexdigest()
        for path in sorted(repository.glob("*/migrations/*"))
        if path.is_file()
    }


def sign(private: Ed25519PrivateKey, repository: Path = REPOSITORY, folder: Path = FOLDER) -> None:
    """Write the list of what is there now, and its signature."""
    found = digests(repository)
    text = "".join(
        f"{digest}  {name.replace('.', '/migrations/')}.py\n" for name, digest in found.items()
    ).encode()
    (folder / LIST).write_bytes(text)
    (folder / SIGNATURE).write_bytes(base64.b64encode(private.sign(_LABEL + text)) + b"\n")


def pin(private: Ed25519PrivateKey, folder: Path = FOLDER) -> None:
    """Write the public key that the list is to be signed by."""
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / PUBLIC_KEY).write_bytes(pem)


def signer_of(key: Ed25519PublicKey) -> str:
    """Return the name of a public key: the first 16 hex digits of its SHA-256."""
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _parsed(text: bytes) -> dict[str, str]:
    listed: dict[str, str] = {}
    for line in text.decode().splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise SchemaNotAsSigned(f"the list of migrations {LIST} has a line that is none.")
        listed[f"{match[2]}.{match[3]}"] = match[1]
    return listed

"""The file around a back-up's content.

    "hvx-backup/1\\n" ‖ length(4, big-endian) ‖ the vault's file ‖ sealed stream (vault/stream.py)

The vault's file comes first and in clear, as it stands beside the database: it holds the root key wrapped,
and the way to open that. The stream is under the root key and bound to what stands before it, so that no
vault's file can be put in place of another.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO

from audit.protocol.encoding import lp
from vault.envelope import EnvelopeKey
from vault.errors import CannotOpen
from vault.rootkey import RootKey
from vault.stream import SealedWriter, Sink, named_key, opened

MAGIC = b"hvx-backup/1\n"
LONGEST_VAULT_FILE = 64 * 1024


def begin(sink: Sink, root: RootKey, vault_file: bytes) -> SealedWriter:
    """Write what stands before the content, and return what seals the content."""
    if not 0 < len(vault_file) <= LONGEST_VAULT_FILE:
        raise ValueError(f"a vault's file has 1 to {LONGEST_VAULT_FILE} bytes")
    sink.write(MAGIC + len(vault_file).to_bytes(4, "big") + vault_file)
    return SealedWriter(sink, _wrapping(root), _context(vault_file))


def read_vault_file(source: BinaryIO) -> bytes:
    """Return the vault's file, and leave `source` where the sealed stream begins. Raises CannotOpen.

    Nothing has been authenticated by that; the stream does not open after another vault's file.
    """
    head = source.read(len(MAGIC) + 4)
    length = int.from_bytes(head[len(MAGIC) :], "big")
    if len(head) != len(MAGIC) + 4 or not head.startswith(MAGIC) or not 0 < length <= LONGEST_VAULT_FILE:
        raise CannotOpen("this is no back-up, or its beginning is damaged")
    vault_file = source.read(length)
    if len(vault_file) != length:
        raise CannotOpen("the back-up is cut short")
    return vault_file


def content(source: BinaryIO, root: RootKey, vault_file: bytes) -> Iterator[bytes]:
    """Yield the content from where `read_vault_file` left off; whole when this ends by itself.

    Raises CannotOpen.
    """

    def named(wrapped: bytes) -> EnvelopeKey:
        if named_key(wrapped) != root.id:
            raise CannotOpen("the back-up was made under another root key than its vault's file has")
        return _wrapping(root)

    return opened(source, named, _context(vault_file))


def _wrapping(root: RootKey) -> EnvelopeKey:
    return root.envelope_key("wrap", "backup")


def _context(vault_file: bytes) -> bytes:
    return lp("backup", sha256(MAGIC + vault_file).digest())

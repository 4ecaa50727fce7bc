"""The vault's file: the root key and the database's own key, wrapped, for an operator's eyes too.

    {"version": 1, "current": BODY, "next": BODY while the root key is being replaced}

A BODY has the root key's id, the protectors that each wrap the root key under a key of their own, the
database's key wrapped under the root key, and a MAC under the root key over all of it. While a root key
is being replaced each of the two bodies also wraps the other's root key, so that whoever opens one has both.

Nothing here draws conclusions from an unopened file: only what a MAC has confirmed counts. What cannot be
noticed is an old file put back whole; the key ring then belongs to another root key, and says so.
"""

import base64
import binascii
import hmac
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from audit.protocol.encoding import lp
from vault import ownfile
from vault.envelope import KEY_ID_LENGTH, KEY_LENGTH, EnvelopeKey
from vault.errors import CannotOpen, RootKeyMismatch, VaultFileDamaged
from vault.memory import LockedBytes
from vault.rootkey import RootKey, envelope_key

NAME = "vault.json"
_LABEL = "hvx-vault-file/1"
_TITLE = "vault file"
_VERSION = 1
_LONGEST = 64 * 1024
MOST_PROTECTORS = 16


@dataclass(frozen=True)
class Protector:
    """One way to open the root key: its kind, what its kind needs to know, and the root key wrapped."""

    id: str
    kind: str
    parameters: Mapping[str, int | str]
    wrapped: str

    @classmethod
    def make(cls, root: RootKey, kind: str, parameters: Mapping[str, int | str], kek: LockedBytes) -> Self:
        """Return the protector that `kek` opens, under an id that never was before."""
        bare = cls(os.urandom(KEY_ID_LENGTH).hex(), kind, parameters, "")
        return replace(bare, wrapped=_text(root.wrapped(bare._key(kek), bare._context())))

    def open(self, kek: LockedBytes) -> RootKey:
        """Return the root key. Raises CannotOpen for another key, or for anything changed in this record."""
        return RootKey.unwrapped(self._key(kek), self._context(), _raw(self.wrapped))

    def _key(self, kek: LockedBytes) -> EnvelopeKey:
        return envelope_key(bytes.fromhex(self.id), kek, "protector", self.kind)

    def _context(self) -> bytes:
        return lp(_LABEL, "protector", self.id, self.kind, _canonical(self.parameters))


@dataclass(frozen=True)
class Body:
    """One root key's half of the file. Only `Vault` has seen that its MAC holds."""

    root: str
    protectors: tuple[Protector, ...]
    database_key: str
    other: str
    mac: str = ""

    def signed(self, root: RootKey) -> "Body":
        """Return it under a fresh MAC."""
        if not 1 <= len(self.protectors) <= MOST_PROTECTORS:
            raise ValueError(f"a vault has from 1 to {MOST_PROTECTORS} protectors")
        return replace(self, mac=_mac(self, root))


@dataclass(frozen=True)
class Document:
    """What is read from the file, believed by nobody yet."""

    current: Body
    next: Body | None = None

    @property
    def bodies(self) -> tuple[Body, ...]:
        """The one body, or both while the root key is being replaced."""
        return (self.current,) if self.next is None else (self.current, self.next)


@dataclass(frozen=True)
class Vault:
    """An opened file: all of its MACs hold. `next_root` is there while the root key is being replaced."""

    document: Document
    root: RootKey
    next_root: RootKey | None = None

    def database_key(self) -> LockedBytes:
        """Return the 32 bytes that the embedded database is encrypted under; the same in both bodies."""
        return _database_key(self.document.current, self.root)


def new(root: RootKey, protectors: Iterable[Protector], database_key: LockedBytes | None = None) -> Document:
    """Return the file of a root key; with a database's key that is new where none is given."""
    return Document(body(root, protectors, database_key or LockedBytes.random(KEY_LENGTH)))


def body(
    root: RootKey,
    protectors: Iterable[Protector],
    database_key: LockedBytes,
    other: RootKey | None = None,
) -> Body:
    """Return a root key's body; `other` is the root key that it replaces, or is replaced by."""
    wrapped = root.envelope_key("wrap", "database").seal(lp(_LABEL, "database_key"), database_key.view)
    link = ""
    if other is not None:
        link = _text(other.wrapped(root.envelope_key("wrap", "root"), _link(root, other.id)))
    return Body(root.id.hex(), tuple(protectors), _text(wrapped), link).signed(root)


def unlock(document: Document, root: RootKey) -> Vault:
    """Return the opened file. Raises RootKeyMismatch; VaultFileDamaged for anything changed in it."""
    ours = {half.root: half for half in document.bodies}.get(root.id.hex())
    if ours is None:
        raise RootKeyMismatch("this root key is not the one of the vault's file")
    _verify(ours, root)
    if document.next is None:
        if ours.other:
            raise VaultFileDamaged("the vault's file has lost the half that replaces it")
        return Vault(document, root)
    theirs = document.next if ours is document.current else document.current
    try:
        context = _link(root, bytes.fromhex(theirs.root))
        other = RootKey.unwrapped(root.envelope_key("wrap", "root"), context, _raw(ours.other))
    except CannotOpen:
        raise VaultFileDamaged("the two halves of the vault's file do not belong together") from None
    _verify(theirs, other)
    return Vault(document, root, other) if ours is document.current else Vault(document, other, root)


def read(path: Path) -> Document:
    """Return what the file says. Raises RootKeyMissing, RootKeyUnsafe, VaultFileDamaged."""
    return parse(ownfile.read(path, _TITLE, _LONGEST), f"at {path}")


def parse(raw: bytes, where: str) -> Document:
    """Return what a file's bytes say; `where` it stands is for the error. Raises VaultFileDamaged."""
    try:
        whole = json.loads(raw, object_pairs_hook=_no_key_twice)
        if type(whole) is not dict or type(whole.get("version")) is not int or whole["version"] != _VERSION:
            raise ValueError
        if not {"version", "current"} <= whole.keys() <= {"version", "current", "next"}:
            raise ValueError
        return Document(_read_body(whole["current"]), _read_body(whole["next"]) if "next" in whole else None)
    except (ValueError, RecursionError):
        # The reason is not passed on: it would quote what stands in the file.
        raise VaultFileDamaged(f"the vault file {where} is damaged, or of another version") from None


def write(path: Path, document: Document) -> None:
    """Put the file in place of the one that stands there, whole, and lasting when this returns."""
    ownfile.replace(path, _rendered(document))


def create(path: Path, document: Document) -> bool:
    """Write the file where there is none; return whether it was this call that made it."""
    return ownfile.create(path, _rendered(document))


def _rendered(document: Document) -> bytes:
    whole: dict[str, Any] = {"version": _VERSION, "current": _told(document.current)}
    if document.next is not None:
        whole["next"] = _told(document.next)
    return json.dumps(whole, indent=1).encode() + b"\n"


def _told(half: Body) -> dict[str, Any]:
    protectors = [
        {"id": each.id, "kind": each.kind, "parameters": dict(each.parameters), "wrapped": each.wrapped}
        for each in half.protectors
    ]
    told: dict[str, Any] = {"root": half.root, "protectors": protectors, "database_key": half.database_key}
    if half.other:
        told["other"] = half.other
    return told | {"mac": half.mac}


def _read_body(found: object) -> Body:
    members = _members(found, {"root", "protectors", "database_key", "mac"}, "other")
    if type(members["protectors"]) is not list or not 1 <= len(members["protectors"]) <= MOST_PROTECTORS:
        raise ValueError
    return Body(
        _hex(members["root"]),
        tuple(_read_protector(each) for each in members["protectors"]),
        _string(members["database_key"]),
        _string(members["other"]) if "other" in members else "",
        _string(members["mac"]),
    )


def _read_protector(found: object) -> Protector:
    members = _members(found, {"id", "kind", "parameters", "wrapped"})
    parameters = members["parameters"]
    if type(parameters) is not dict or any(type(value) not in (int, str) for value in parameters.values()):
        raise ValueError
    return Protector(_hex(members["id"]), _string(members["kind"]), parameters, _string(members["wrapped"]))


def _members(found: object, needed: set[str], allowed: str = "") -> dict[str, Any]:
    if type(found) is not dict or not needed <= found.keys() <= needed | {allowed}:
        raise ValueError
    return found


def _string(found: object) -> str:
    if type(found) is not str or not found:
        raise ValueError
    return found


def _hex(found: object) -> str:
    if type(found) is not str or bytes.fromhex(found).hex() != found or len(found) != 2 * KEY_ID_LENGTH:
        raise ValueError
    return found


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _verify(half: Body, root: RootKey) -> None:
    if not hmac.compare_digest(half.mac.encode(), _mac(half, root).encode()):
        raise VaultFileDamaged("the vault's file was changed by somebody who does not hold the root key")


def _mac(half: Body, root: RootKey) -> str:
    told = {name: value for name, value in _told(half).items() if name != "mac"}
    key = root.derive("mac", "vault-file")
    return _text(hmac.digest(key, lp(_LABEL, "body", _canonical(told)), sha256))


def _database_key(half: Body, root: RootKey) -> LockedBytes:
    key = LockedBytes(KEY_LENGTH)
    sealing = root.envelope_key("wrap", "database")
    sealing.open_into(lp(_LABEL, "database_key"), _raw(half.database_key), key.view)
    return key


def _link(root: RootKey, other: bytes) -> bytes:
    return lp(_LABEL, "other", root.id, other)


def _canonical(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _raw(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CannotOpen("not an envelope") from None

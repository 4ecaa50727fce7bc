"""Public keys as actors publish them: `publicKey`, one or many, and Multikeys (FEP-521a)."""

from dataclasses import dataclass
from typing import Any, Final

from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.uris import same_origin, without_fragment

MAX_KEYS: Final = 16
# An RSA key of 16,384 bits has 2,900 characters.
MAX_KEY_CHARACTERS: Final = 4096


@dataclass(frozen=True, slots=True)
class PemKey:
    """A key of HTTP signatures, as PEM, not yet parsed."""

    id: str
    owner: str
    pem: str


@dataclass(frozen=True, slots=True)
class Multikey:
    """A key of signatures and proofs, in Multibase, not yet parsed."""

    id: str
    controller: str
    multibase: str


def pem_keys(actor: str, value: Any) -> tuple[PemKey, ...]:
    """Return the keys that stand in an actor's `publicKey` and are its own."""
    found = (pem_key(item, standing_in=actor) for item in shapes.many(value)[:MAX_KEYS])
    return tuple(key for key in found if key and is_own(actor, key.id, key.owner))


def pem_key(value: Any, *, standing_in: str | None = None) -> PemKey | None:
    """Return one key, whoever's it is: that of an actor's document, or a document of its own.

    A key without an owner belongs to the actor in whose document it stands.
    """
    if not isinstance(value, dict):
        return None
    name = shapes.uri(value)
    owner = standing_in if value.get("owner") is None else shapes.uri(shapes.one(value.get("owner")))
    pem = _bounded(value.get("publicKeyPem"))
    return PemKey(name, owner, pem) if name and owner and pem else None


def key_references(value: Any) -> tuple[str, ...]:
    """Return the keys that an actor only names: documents of their own, to be fetched."""
    return tuple(item for item in shapes.many(value)[:MAX_KEYS] if isinstance(item, str) and shapes.uri(item))


def multikeys(actor: str, value: Any) -> tuple[Multikey, ...]:
    """Return the keys that stand in an actor's `assertionMethod` and are its own."""
    found = []
    for item in shapes.many(value)[:MAX_KEYS]:
        if not isinstance(item, dict) or "Multikey" not in shapes.types(item):
            continue
        name, multibase = shapes.uri(item), _bounded(item.get("publicKeyMultibase"))
        controller = shapes.uri(shapes.one(item.get("controller")))
        if name and controller and multibase and is_own(actor, name, controller):
            found.append(Multikey(name, controller, multibase))
    return tuple(found)


def is_own(actor: str, key_id: str, owner: str) -> bool:
    """Whether a key that names this owner may speak for the actor: the owner is the actor, and the key's
    address is the actor's own, or one of the same origin."""
    return owner == actor and (without_fragment(key_id) == actor or same_origin(key_id, actor))


def key_document(document: Document) -> PemKey | None:
    """Return the key of a document that was fetched from a key's own address.

    That it names an owner proves nothing: the owner's document must name the key too.
    """
    key = document.get("publicKey")
    return pem_key(document) or (pem_key(key, standing_in=shapes.uri(document)) if key else None)


def _bounded(value: Any) -> str | None:
    value = shapes.string(value)
    return value if value and len(value) <= MAX_KEY_CHARACTERS else None

"""Actors and their keys as the documents that other servers read."""

from collections.abc import Iterable, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from activitypub.models import ActorKey, KeyKind, LocalActor
from activitypub.protocol.signatures.keys import multikey, public_key_pem
from activitypub.rendering.contexts import STREAMS

# What an actor's document says beyond the vocabulary. Keys have contexts of their own; the last one
# gives to each further word the address that servers already know it by.
ACTOR_CONTEXT: Sequence[Any] = (
    STREAMS,
    "https://w3id.org/security/v1",
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/multikey/v1",
    {
        "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
        "alsoKnownAs": {"@id": "as:alsoKnownAs", "@type": "@id"},
        "movedTo": {"@id": "as:movedTo", "@type": "@id"},
        "toot": "http://joinmastodon.org/ns#",
        "featured": {"@id": "toot:featured", "@type": "@id"},
        "discoverable": "toot:discoverable",
        "indexable": "toot:indexable",
        "suspended": "toot:suspended",
        "schema": "http://schema.org#",
        "PropertyValue": "schema:PropertyValue",
        "value": "schema:value",
    },
)


def actor_document(actor: LocalActor, keys: Sequence[ActorKey]) -> dict[str, Any]:
    """The actor as it is served at its `id` and sent in an Update.

    `keys` are those that are published, of each kind the newest first. `publicKey` is the newest RSA key
    alone, for servers that take no list; `assertionMethod` has the others, replaced ones too (FEP-521a).
    """
    document: dict[str, Any] = {
        "@context": ACTOR_CONTEXT,
        "id": actor.uri,
        "type": actor.type,
        "preferredUsername": actor.username,
        "inbox": actor.inbox,
        "outbox": actor.outbox,
        "endpoints": {"sharedInbox": actor.shared_inbox},
        **_keys(actor, keys),
    }
    if actor.suspended_at is not None:
        # Nothing of what they wrote about themselves; servers hide such an actor too.
        return document | {"suspended": True}
    document |= {
        "name": actor.display_name,
        "summary": actor.summary,
        "url": actor.url,
        "manuallyApprovesFollowers": actor.locked,
        "discoverable": actor.discoverable,
        "indexable": actor.indexable,
        "attachment": [
            {"type": "PropertyValue", "name": field["name"], "value": field["value"]}
            for field in actor.fields
        ],
    }
    document |= {
        name: getattr(actor, name) for name in ("followers", "following", "featured") if getattr(actor, name)
    }
    document |= {
        name: {"type": "Image", "url": address}
        for name, address in (("icon", actor.icon), ("image", actor.image))
        if address
    }
    if actor.also_known_as:
        document["alsoKnownAs"] = actor.also_known_as
    if actor.moved_to:
        document["movedTo"] = actor.moved_to
    if actor.published is not None:
        # The day alone: the second in which an account was made is nobody's business.
        document["published"] = f"{actor.published:%Y-%m-%d}T00:00:00Z"
    return document


def _keys(actor: LocalActor, keys: Iterable[ActorKey]) -> dict[str, Any]:
    newest: ActorKey | None = None
    methods = []
    for key in keys:
        if key.kind == KeyKind.RSA and newest is None:
            newest = key
        else:
            methods.append(
                {
                    "id": key.key_id,
                    "type": "Multikey",
                    "controller": actor.uri,
                    "publicKeyMultibase": multikey(_loaded(key)),
                }
            )
    document: dict[str, Any] = {"assertionMethod": methods}
    if newest is not None:
        document["publicKey"] = {
            "id": newest.key_id,
            "owner": actor.uri,
            "publicKeyPem": public_key_pem(_loaded(newest)),
        }
    return document


def _loaded(key: ActorKey) -> RSAPublicKey | Ed25519PublicKey:
    public = load_der_public_key(bytes(key.public))
    if isinstance(public, RSAPublicKey | Ed25519PublicKey):
        return public
    raise TypeError(f"an actor has no {type(public).__name__}")

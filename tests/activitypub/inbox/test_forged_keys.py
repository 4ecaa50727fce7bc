"""Keys that are not whose they are said to be."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from activitypub.protocol.signatures.messages import SignedRequest
from hvx.inboxes import Inboxes
from tests.activitypub.fetching.peer import document, redirect, whole
from tests.activitypub.inbox.forging import Forgeries, Forgery, World, require_refusals
from tests.activitypub.senders import ACTIVITY, STREAMS, Sender, rsa_key


def by_key_document(world: World, content: Mapping[str, Any]) -> SignedRequest:
    """Signed by a key of which mallory's server says what stands here."""
    place = world.far.url("/keys/1")
    world.far.answers["/keys/1"] = document({"@context": STREAMS, "id": place, **content})
    return world.mallory.post(world.bob.activity(), key_id=place)


def pem_of(sender: Sender) -> str:
    pem: str = sender.document()["publicKey"]["publicKeyPem"]
    return pem


def stolen_owner(world: World) -> SignedRequest:
    """A key document that says that the key is bob's; bob's document knows nothing of it."""
    return by_key_document(world, {"owner": world.bob.uri, "publicKeyPem": pem_of(world.mallory)})


def stolen_actor(world: World) -> SignedRequest:
    """A document at mallory's that says it is bob."""
    place = world.far.url("/users/false")
    world.far.answers["/users/false"] = document(
        Sender(world.near, "bob", world.mallory.key).document(
            publicKey={
                "id": f"{place}#main-key",
                "owner": world.bob.uri,
                "publicKeyPem": pem_of(world.mallory),
            }
        )
    )
    return world.mallory.post(world.bob.activity(), key_id=f"{place}#main-key")


def foreign_owner_inside(world: World) -> SignedRequest:
    """Mallory's own document, with a key in it that is said to be bob's."""
    trent = Sender(world.far, "trent", world.mallory.key)
    trent.publish(
        publicKey={"id": trent.key_id, "owner": world.bob.uri, "publicKeyPem": pem_of(world.mallory)}
    )
    return trent.post(world.bob.activity())


def named_but_not_owned(world: World) -> SignedRequest:
    """Mallory names bob's key as her own, so that what bob signs would be hers."""
    trent = Sender(world.far, "trent2", world.mallory.key)
    trent.publish(publicKey=[{"id": world.bob.key_id, "owner": trent.uri, "publicKeyPem": pem_of(world.bob)}])
    return world.bob.post(trent.activity())


def redirected_key(world: World) -> SignedRequest:
    world.far.answers["/users/moved"] = redirect(world.bob.uri)
    return world.mallory.post(world.bob.activity(), key_id=world.far.url("/users/moved#main-key"))


def small_key(world: World) -> SignedRequest:
    weak = Sender(world.near, "weak", rsa_key("weak", 1024)).publish()
    return weak.post()


def at(address: str) -> Forgery:
    return lambda world: world.bob.post(key_id=address)


def published(content_type: str, body: bytes) -> Forgery:
    def forge(world: World) -> SignedRequest:
        name = f"/users/odd{len(world.far.answers)}"
        world.far.answers[name] = whole(body, Content_Type=content_type)
        return world.mallory.post(key_id=world.far.url(f"{name}#main-key"))

    return forge


KEYS: Forgeries = {
    "an owner who knows nothing of the key": (stolen_owner, (401, "key_missing")),
    "a document that says it stands elsewhere": (stolen_actor, (401, "key_missing")),
    "a key in one's document that is another's": (foreign_owner_inside, (401, "key_missing")),
    "another's key named as one's own": (named_but_not_owned, (401, "actor_is_not_the_signer")),
    "a key document that leads elsewhere": (redirected_key, (401, "key_redirected")),
    "a key of 1024 bits": (small_key, (401, "key_too_small")),
    "a key of ours": (at(f"{settings.HVX_ORIGIN}/actor#main-key"), (401, "key_own_host")),
    "a key that is a handle": (at("acct:bob@remote.example"), (401, "key_bad_url")),
    "a key in a file": (at("file:///etc/passwd"), (401, "key_bad_url")),
    "a key inside the network": (at("http://10.0.0.1/users/bob#main-key"), (401, "key_address_forbidden")),
    "a key of the machine's own cloud": (
        at("http://169.254.169.254/latest#key"),
        (401, "key_address_forbidden"),
    ),
    "a key on another protocol's port": (at("http://127.0.0.1:25/users/bob#main-key"), (401, "key_port")),
    "a page in place of a document": (published("text/html", b"<p>key</p>"), (401, "key_content_type")),
    "a document that is no JSON": (published(ACTIVITY, b"{"), (401, "key_bad_document")),
    "a document of a megabyte and more": (published(ACTIVITY, b" " * 1_100_000), (401, "key_too_large")),
}


async def test_a_key_that_does_not_speak_for_the_actor_is_refused_for_its_reason(
    inboxes: Inboxes, world: World
) -> None:
    await require_refusals(inboxes, world, KEYS)

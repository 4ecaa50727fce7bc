"""Actors and their keys, and what of both is not believed."""

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from activitypub.protocol.documents.actors import RemoteActorDocument, actor
from activitypub.protocol.documents.keys import MAX_KEYS, Multikey, PemKey, key_document
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument

ALICE = "https://a.example/users/alice"
MALLORY = "https://m.example/users/mallory"
PEM = "-----BEGIN PUBLIC KEY-----\nnot parsed here\n-----END PUBLIC KEY-----\n"


def alice(**changes: Any) -> RemoteActorDocument:
    return actor(
        {"id": ALICE, "type": "Person", "preferredUsername": "alice", "inbox": f"{ALICE}/inbox"} | changes
    )


def key(**changes: Any) -> dict[str, Any]:
    return {"id": f"{ALICE}#main-key", "owner": ALICE, "publicKeyPem": PEM} | changes


def multikey(**changes: Any) -> dict[str, Any]:
    return {
        "id": f"{ALICE}#ed25519", "type": "Multikey", "controller": ALICE, "publicKeyMultibase": "z6Mk"
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "refusal"),
    [
        ("id", None, Refusal.ID_MISSING),
        ("id", "acct:alice@a.example", Refusal.ID_MISSING),
        ("id", f"{ALICE}#me", Refusal.ID_MISSING),
        ("type", "Note", Refusal.TYPE_MISSING),
        ("type", "Actor", Refusal.TYPE_MISSING),
        ("inbox", None, Refusal.INBOX_MISSING),
        ("inbox", "/inbox", Refusal.INBOX_MISSING),
        ("preferredUsername", None, Refusal.USERNAME_MISSING),
        ("preferredUsername", "", Refusal.USERNAME_MISSING),
        ("preferredUsername", "a" * 256, Refusal.USERNAME_MISSING),
        ("preferredUsername", "alice@victim.example", Refusal.USERNAME_MISSING),
        ("preferredUsername", "al ice", Refusal.USERNAME_MISSING),
        ("preferredUsername", "al/ice", Refusal.USERNAME_MISSING),
        ("preferredUsername", "al\u202eice", Refusal.USERNAME_MISSING),
        ("preferredUsername", "<b>alice", Refusal.USERNAME_MISSING),
    ],
)
def test_an_actor_without_what_it_cannot_be_without_is_refused(
    name: str, value: Any, refusal: Refusal
) -> None:
    with pytest.raises(RefusedDocument) as caught:
        alice(**{name: value})
    assert caught.value.refusal is refusal


@pytest.mark.parametrize(
    "stolen",
    [
        key(owner=MALLORY),
        key(owner="https://a.example/users/bob"),
        key(owner={}),
        key(owner=f"{ALICE}/"),
        key(id="https://m.example/key"),
        key(id="https://m.example/users/alice#main-key", owner=ALICE),
        key(id="http://a.example/users/alice#main-key"),
        key(id=None),
        key(publicKeyPem=None),
        key(publicKeyPem=["", PEM]),
        key(publicKeyPem="x" * 4097),
        None,
        7,
        [[]],
    ],
)
def test_a_key_of_another_owner_or_address_is_not_the_actors(stolen: Any) -> None:
    assert alice(publicKey=stolen).keys == ()


@pytest.mark.parametrize(
    "stolen",
    [
        multikey(controller=MALLORY),
        multikey(controller=None),
        multikey(id="https://m.example/key"),
        multikey(type="JsonWebKey"),
        multikey(publicKeyMultibase=None),
        f"{ALICE}#ed25519",
        None,
    ],
)
def test_a_multikey_of_another_controller_or_address_is_not_the_actors(stolen: Any) -> None:
    assert alice(assertionMethod=stolen).multikeys == ()


def test_keys_come_as_one_or_many_and_the_good_ones_are_kept() -> None:
    second = key(id=f"{ALICE}#second")
    found = alice(publicKey=[key(), None, key(owner=MALLORY), second], assertionMethod=multikey())
    assert [one.id for one in found.keys] == [f"{ALICE}#main-key", f"{ALICE}#second"]
    assert found.multikeys == (Multikey(f"{ALICE}#ed25519", ALICE, "z6Mk"),)


def test_a_key_without_an_owner_belongs_to_the_actor_in_whose_document_it_stands() -> None:
    ownerless = {"id": f"{ALICE}#key", "publicKeyPem": PEM}
    assert alice(publicKey=ownerless).keys == (PemKey(f"{ALICE}#key", ALICE, PEM),)
    assert key_document(ownerless) is None


def test_no_more_than_16_keys_are_read() -> None:
    many = [key(id=f"{ALICE}#{number}") for number in range(MAX_KEYS + 1)]
    assert len(alice(publicKey=many).keys) == MAX_KEYS


@pytest.mark.needs("vectors")
def test_key_layouts_of_other_servers_are_read() -> None:
    path = Path(os.environ["HVX_VECTORS"]) / "activitypub" / "key-documents.json"
    inline, linked = orjson.loads(path.read_bytes())["cases"]
    # The type of that test's actor is one that no server sends.
    found = actor(inline["actor"] | {"type": "Person"})
    assert [(one.id, one.pem) for one in found.keys] == [
        ("https://foo.test/actor#key1", "foo"),
        ("https://foo.test/actor#key2", "bar"),
    ]
    found = actor(linked["actor"])
    assert found.keys == ()
    assert found.key_references == ("https://example.com/alice-public-key.json",)
    named = key_document(linked["other_documents"][found.key_references[0]])
    assert named is not None
    assert (named.id, named.owner) == (found.key_references[0], found.id)


@pytest.mark.parametrize("name", ["outbox", "followers", "following", "featured"])
def test_a_collection_of_another_origin_is_not_the_actors(name: str) -> None:
    assert getattr(alice(**{name: f"{ALICE}/{name}"}), name) == f"{ALICE}/{name}"
    for foreign in (
        f"{MALLORY}/{name}",
        f"http://a.example/{name}",
        f"https://a.example:444/{name}",
        None,
        1,
    ):
        assert getattr(alice(**{name: foreign}), name) is None


def test_a_shared_inbox_of_another_origin_is_left_out_and_the_inbox_stays() -> None:
    found = alice(endpoints={"sharedInbox": "https://victim.example/inbox"})
    assert found.shared_inbox is None
    assert found.inbox == f"{ALICE}/inbox"
    assert (
        alice(endpoints={"sharedInbox": "https://a.example/inbox"}).shared_inbox == "https://a.example/inbox"
    )
    assert alice(endpoints="https://a.example/#endpoints").shared_inbox is None


def test_a_profile_is_read_with_its_fields_pictures_and_flags() -> None:
    found = alice(
        name="Alice",
        summary="<p>hi</p>",
        url=[{"type": "Link", "href": "https://a.example/@alice", "mediaType": "text/html"}],
        icon=[{"url": "https://a.example/s.png", "width": 4, "height": 4},
              {"url": "https://a.example/l.png", "width": 9, "height": 9}],
        image="https://a.example/i.png",
        attachment=[{"type": "PropertyValue", "name": "a", "value": "<b>"}, {"type": "Note", "name": "b"}],
        manuallyApprovesFollowers=True, discoverable=False, indexable=True, memorial="true", suspended=1,
        alsoKnownAs=MALLORY, movedTo={"id": MALLORY}, keyPackages={"any": ["thing"]},
        webfinger="alice@a.example",
    )  # fmt: skip
    assert found.name is not None
    assert (found.name.value, found.page) == ("Alice", "https://a.example/@alice")
    assert found.icon is not None
    assert found.icon.href == "https://a.example/l.png"
    assert found.image is not None
    assert [(row.name, row.value) for row in found.fields] == [("a", "<b>")]
    assert (found.manually_approves_followers, found.discoverable, found.indexable) == (True, False, True)
    assert (found.memorial, found.suspended, found.is_automated) == (False, False, False)
    assert (found.also_known_as, found.moved_to) == ((MALLORY,), MALLORY)
    assert found.key_packages == {"any": ["thing"]}
    assert (found.username, found.host, found.webfinger) == ("alice", "a.example", "alice@a.example")


def test_the_host_of_a_handle_has_its_port_and_its_alabels() -> None:
    def host(origin: str) -> str:
        return actor(
            {"id": f"{origin}/a", "type": "Person", "preferredUsername": "a", "inbox": f"{origin}/i"}
        ).host

    assert host("https://A.Example") == "a.example"
    assert host("https://a.example:443") == "a.example"
    assert host("http://localhost:8000") == "localhost:8000"
    assert host("https://XN--bcher-kva.example") == "xn--bcher-kva.example"


def test_no_preference_about_being_found_is_not_a_no() -> None:
    assert alice().discoverable is None
    assert alice(**{"toot:discoverable": True}).discoverable is True


@pytest.mark.parametrize("kind", ["Application", "Service"])
def test_programs_are_told_from_people(kind: str) -> None:
    assert alice(type=kind).is_automated

"""Actors: made with their accounts, told to others, gone with their accounts."""

import json
import threading
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from accounts.models import Account
from activitypub import keymaking
from activitypub.models import Actor, ActorKey, Follow, KeyKind, LocalActor, RemoteActor
from activitypub.protocol.signatures.keys import public_key_from_multikey
from activitypub.services import actors, keys
from tests.accounts.test_erasure import erase
from tests.activitypub.reading import ACTIVITY, document, get
from tests.people import DjangoWire, Person

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def uri_of(person: Person) -> str:
    return f"{person.wire.origin}/users/{person.username}"


def actor_of(person: Person) -> LocalActor:
    return LocalActor.objects.get(account_id=person.id)


def remote(name: str = "bob", host: str = "remote.example", **what: Any) -> RemoteActor:
    uri = f"https://{host}/users/{name}"
    return RemoteActor.objects.create(uri=uri, host=host, username=name, inbox=f"{uri}/inbox", **what)


def in_our_tables(*pieces: bytes) -> list[bytes]:
    """Those of the pieces that stand in a row of this room, in whatever column."""
    found = []
    with connection.cursor() as cursor:
        for model in (Actor, ActorKey, Follow):
            cursor.execute(f"SELECT * FROM {model._meta.db_table}")  # noqa: S608
            for value in (value for row in cursor.fetchall() for value in row):
                raw = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                found += [piece for piece in pieces if piece in raw]
    return found


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["nobody_here", "a" * 31, "Alice", "%00", "%FF", "actor", "%F0%9F%92%A9", "a b"]
)
@pytest.mark.parametrize("rest", ["", "/followers", "/outbox"])
def test_there_is_no_actor_of_a_name_that_nobody_has(wire: DjangoWire, name: str, rest: str) -> None:
    assert get(wire, f"/users/{name}{rest}").refusal == (404, "unknown_actor")


def test_who_wants_neither_document_nor_page_gets_a_problem(person: Person) -> None:
    assert get(person.wire, uri_of(person), "image/png").refusal == (406, "not_acceptable")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_documents_are_only_read(person: Person, method: str) -> None:
    assert get(person.wire, uri_of(person), method=method).refusal == (405, "method_not_allowed")


@pytest.mark.django_db(transaction=True)
def test_an_account_whose_actor_cannot_be_made_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    person = Person(DjangoWire())
    with monkeypatch.context() as patch:
        patch.setattr("activitypub.services.actors.add_first_keys", fail)
        assert person.register().status == 500
    assert not Account.objects.exists()
    assert not Actor.objects.exists()
    person.register().expect(201)


@pytest.mark.django_db(transaction=True)
def test_keys_are_made_while_nobody_waits_for_the_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    within: list[bool] = []
    real = keymaking.make_pair

    def make_pair(kind: KeyKind) -> keymaking.KeyPair:
        within.append(connection.in_atomic_block)
        return real(kind)

    monkeypatch.setattr(keymaking, "make_pair", make_pair)
    person = Person(DjangoWire())
    person.register().expect(201)
    keys.rotate_keys(actor_of(person))
    actor_of(person).delete()
    assert actors.make_missing() == 2
    assert within == [False] * 8


def test_no_two_local_actors_have_one_name(person: Person) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        LocalActor.objects.create(uri=f"{uri_of(person)}2", username=person.username, inbox="x")


def test_no_account_has_an_actor_of_another_host(person: Person) -> None:
    actor_of(person).delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        remote(account_id=person.id)


def test_a_local_actor_is_no_remote_one(person: Person) -> None:
    bob = remote(person.username)
    assert [actor.pk for actor in RemoteActor.objects.all()] == [bob.pk]
    assert bob.pk not in LocalActor.objects.values_list("pk", flat=True)
    assert get(person.wire, f"/users/{person.username}").json["id"] == uri_of(person)


# --- Told --------------------------------------------------------------------------------------------


def test_whoever_registers_has_an_actor_that_others_can_read(person: Person) -> None:
    uri = uri_of(person)
    read = document(person.wire, uri)
    published = read.pop("published")
    assert published == f"{Account.objects.get(pk=person.id).created_at:%Y-%m-%d}T00:00:00Z"
    assert read.pop("@context")[0] == "https://www.w3.org/ns/activitystreams"
    key, methods = read.pop("publicKey"), read.pop("assertionMethod")
    assert read == {
        "id": uri,
        "type": "Person",
        "preferredUsername": person.username,
        "name": "",
        "summary": "",
        "url": uri,
        "inbox": f"{uri}/inbox",
        "outbox": f"{uri}/outbox",
        "followers": f"{uri}/followers",
        "following": f"{uri}/following",
        "featured": f"{uri}/featured",
        "endpoints": {"sharedInbox": f"{person.wire.origin}/inbox"},
        "manuallyApprovesFollowers": False,
        "discoverable": False,
        "indexable": False,
        "attachment": [],
    }
    assert {**key, "publicKeyPem": ""} == {"id": f"{uri}#main-key", "owner": uri, "publicKeyPem": ""}
    rsa = load_pem_public_key(key["publicKeyPem"].encode())
    assert isinstance(rsa, RSAPublicKey)
    assert rsa.key_size == 2048
    [method] = methods
    multikey = method.pop("publicKeyMultibase")
    assert method == {"id": f"{uri}#ed25519-key", "type": "Multikey", "controller": uri}
    assert isinstance(public_key_from_multikey(multikey), Ed25519PublicKey)


def test_every_word_of_the_document_is_in_its_context(person: Person) -> None:
    """Those that the vocabulary lacks are given an address: who expands JSON-LD drops others."""
    read = document(person.wire, uri_of(person))
    own = read["@context"][-1]
    assert {
        "manuallyApprovesFollowers",
        "discoverable",
        "indexable",
        "featured",
        "PropertyValue",
    } <= own.keys()


def test_private_keys_stand_sealed_and_are_in_no_document(person: Person) -> None:
    found = list(ActorKey.objects.filter(actor=actor_of(person)))
    assert {key.kind for key in found} == {KeyKind.RSA, KeyKind.ED25519}
    privates = [key.private for key in found if key.private is not None]
    assert len(privates) == 2
    assert in_our_tables(*(private[-32:] for private in privates)) == []
    assert in_our_tables(bytes(found[0].public)[-32:]) != []


def test_a_browser_gets_a_page_and_a_cache_is_told_that_there_are_two(person: Person) -> None:
    page = get(person.wire, uri_of(person), BROWSER).expect(200)
    assert page.headers["content-type"].startswith("text/html")
    assert f"@{person.account}" in page.body.decode()
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    read = get(person.wire, uri_of(person))
    for answer in (page, read):
        assert "Accept" in answer.headers["vary"]
        assert answer.headers["cache-control"] == "public, max-age=180"
        assert answer.headers["access-control-allow-origin"] == "*"


def test_the_type_with_a_profile_gets_the_document_too(person: Person) -> None:
    profile = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
    assert get(person.wire, uri_of(person), profile).expect(200).headers["content-type"] == ACTIVITY


def test_head_says_what_get_would(person: Person) -> None:
    got, asked = (get(person.wire, uri_of(person), method=method).expect(200) for method in ("GET", "HEAD"))
    assert asked.body == b""
    for name in ("content-type", "vary", "cache-control"):
        assert asked.headers[name] == got.headers[name]


def test_the_server_has_an_actor_of_its_own(wire: DjangoWire) -> None:
    assert get(wire, "/actor").refusal == (404, "unknown_actor")
    assert actors.make_missing() == 1
    read = document(wire, f"{wire.origin}/actor")
    assert (read["type"], read["preferredUsername"]) == ("Application", "actor")
    assert read["inbox"] == read["endpoints"]["sharedInbox"] == f"{wire.origin}/inbox"
    assert read["publicKey"]["id"] == f"{wire.origin}/actor#main-key"
    assert "followers" not in read
    assert document(wire, read["outbox"])["totalItems"] == 0
    assert get(wire, "/users/actor", BROWSER).refusal == (404, "unknown_actor")


def test_a_suspended_actor_tells_nothing_of_itself(person: Person) -> None:
    uri = uri_of(person)
    LocalActor.objects.filter(account_id=person.id).update(
        suspended_at=timezone.now(), display_name="Alice", summary="<p>Mine</p>"
    )
    read = document(person.wire, uri)
    assert read["suspended"] is True
    assert read["publicKey"]["owner"] == uri
    assert read.keys() & {"name", "summary", "attachment", "icon", "followers"} == set()
    assert get(person.wire, f"{uri}/followers").refusal == (403, "actor_suspended")
    assert get(person.wire, uri, BROWSER).refusal == (403, "actor_suspended")


# --- Made later ----------------------------------------------------------------------------------------


def test_accounts_of_before_there_were_actors_get_theirs_at_a_start(person: Person) -> None:
    account = Account.objects.get(pk=person.id)
    actor_of(person).delete()
    assert actors.make_missing() == 2  # the account's and the server's own
    assert actors.make_missing() == 0
    assert actor_of(person).published == account.created_at
    document(person.wire, uri_of(person))


@pytest.mark.django_db(transaction=True)
def test_two_servers_that_start_at_once_make_each_actor_once() -> None:
    people = [Person(DjangoWire()) for _ in range(3)]
    for person in people:
        person.register().expect(201)
    Actor.objects.all().delete()
    made: list[int] = []

    def start() -> None:
        try:
            made.append(actors.make_missing())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(made) == Actor.objects.count() == 4
    assert ActorKey.objects.count() == 8


# --- Gone ----------------------------------------------------------------------------------------------


def test_an_erased_actor_is_gone_and_says_so_for_ever(person: Person) -> None:
    uri, bob = uri_of(person), remote()
    erase(person.handset).expect(204)
    assert list(Actor.objects.all()) == [bob]
    assert not ActorKey.objects.exists()
    answer = get(person.wire, uri).expect(410)
    assert answer.headers["content-type"] == ACTIVITY
    assert {**json.loads(answer.body), "@context": ""} == {
        "@context": "",
        "id": uri,
        "type": "Tombstone",
        "formerType": "Person",
    }
    assert get(person.wire, uri, BROWSER).refusal == (410, "actor_gone")
    assert get(person.wire, f"{uri}/followers").refusal == (410, "actor_gone")
    assert actors.make_missing() == 1  # the server's own
    assert get(person.wire, uri).status == 410

"""Actor keys: made for real, rotated with overlap, used for nothing else."""

import threading
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, connections
from django.test.utils import CaptureQueriesContext

from activitypub import keymaking, ports
from activitypub.delivery.keys import Keys
from activitypub.errors import UnknownActor
from activitypub.models import ActorKey, KeyKind, LocalActor
from activitypub.protocol.signatures.keys import private_key_from_vault, public_key_from_multikey
from activitypub.queries.actors import signing_key
from activitypub.services import actors, keys
from audit.models import SERVER, AuditRow
from tests.accounts.test_erasure import erase
from tests.activitypub.plans import steps
from tests.activitypub.reading import document
from tests.activitypub.test_actors import actor_of, in_our_tables, uri_of
from tests.audit.reading import rows_of, told
from tests.people import DjangoWire, Person


def rotate(*arguments: str) -> str:
    out = StringIO()
    call_command("federation", "rotate-keys", *arguments, stdout=out)
    return out.getvalue()


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nobody_here", "actor", "No Name"])
def test_keys_of_nobody_are_not_rotated(wire: DjangoWire, name: str) -> None:
    with pytest.raises(CommandError, match="no such actor"):
        rotate(name)


def test_the_servers_own_keys_are_not_rotated_before_it_has_any(wire: DjangoWire) -> None:
    with pytest.raises(CommandError, match="no such actor"):
        rotate("--instance")


def test_an_erased_actor_gets_no_keys(person: Person) -> None:
    actor = actor_of(person)
    erase(person.handset).expect(204)
    with pytest.raises(UnknownActor):
        keys.rotate_keys(actor)
    with pytest.raises(UnknownActor):
        signing_key(actor, KeyKind.RSA)
    assert not ActorKey.objects.exists()
    with pytest.raises(CommandError, match="erased"):
        rotate(person.username)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broken", ["record", "ports.actor_changed"])
def test_a_rotation_that_fails_half_way_leaves_the_keys_as_they_were(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    before = list(ActorKey.objects.order_by("pk").values_list("pk", "retires_at"))

    def fail(*args: object, **how: object) -> None:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(f"activitypub.services.keys.{broken}", fail)
        with pytest.raises(DatabaseError):
            keys.rotate_keys(actor_of(person))
    assert list(ActorKey.objects.order_by("pk").values_list("pk", "retires_at")) == before
    assert signing_key(actor_of(person), KeyKind.RSA).private is not None


# --- Made --------------------------------------------------------------------------------------------


def test_the_keys_of_a_real_server_are_new_and_sign(
    few_actor_keys: Callable[[], RSAPrivateKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keymaking, "_rsa_key", few_actor_keys)
    one, other = keymaking.make_pair(KeyKind.RSA), keymaking.make_pair(KeyKind.RSA)
    assert one.public != other.public
    assert one.private not in repr(one).encode()
    private, public = private_key_from_vault(one.private), load_der_public_key(one.public)
    assert isinstance(private, RSAPrivateKey)
    assert isinstance(public, RSAPublicKey)
    assert (public.key_size, public.public_numbers().e) == (2048, 65537)
    public.verify(
        private.sign(b"signed", padding.PKCS1v15(), SHA256()), b"signed", padding.PKCS1v15(), SHA256()
    )


def test_the_key_that_is_published_verifies_what_the_actor_signs(person: Person) -> None:
    key = signing_key(actor_of(person), KeyKind.ED25519)
    private = private_key_from_vault(key.private or b"")
    [method] = document(person.wire, uri_of(person))["assertionMethod"]
    public = public_key_from_multikey(method["publicKeyMultibase"])
    assert isinstance(public, Ed25519PublicKey)
    public.verify(private.sign(b"signed"), b"signed")  # type: ignore[call-arg]


# --- Rotated -----------------------------------------------------------------------------------------


def test_new_keys_sign_and_old_ones_stay_published_for_what_they_signed(
    person: Person,
) -> None:
    uri, actor = uri_of(person), actor_of(person)
    old = {key.kind: key for key in ActorKey.objects.filter(actor=actor)}
    privates = [key.private or b"" for key in old.values()]
    before = document(person.wire, uri)
    said = rotate(person.username)
    assert f"{uri} now signs by {uri}#main-key-2." in said
    assert f"{uri} now signs by {uri}#ed25519-key-2." in said
    read = document(person.wire, uri)
    assert read["publicKey"]["id"] == f"{uri}#main-key-2"
    assert read["publicKey"]["publicKeyPem"] != before["publicKey"]["publicKeyPem"]
    methods = {method["id"]: method["publicKeyMultibase"] for method in read["assertionMethod"]}
    assert methods.keys() == {f"{uri}#main-key", f"{uri}#ed25519-key", f"{uri}#ed25519-key-2"}
    assert methods[f"{uri}#ed25519-key"] == before["assertionMethod"][0]["publicKeyMultibase"]
    replaced = public_key_from_multikey(methods[f"{uri}#main-key"])
    assert replaced == load_der_public_key(bytes(old[KeyKind.RSA].public))
    for key in old.values():
        key.refresh_from_db()
        # GoToSocial takes a new RSA key from nobody but the old one.
        assert (key.private is None) == (key.kind != KeyKind.RSA)
        assert signing_key(actor, KeyKind(key.kind)).pk != key.pk
    assert in_our_tables(*(private[-32:] for private in privates)) == []
    assert told(rows_of(person)[-1]) == ("actor_keys_rotated", {})


def test_the_overlap_ends(person: Person) -> None:
    uri, actor = uri_of(person), actor_of(person)
    keys.rotate_keys(actor)
    retired = ActorKey.objects.filter(actor=actor).exclude(retires_at=None)
    assert retired.count() == 2
    for key in retired:
        key.retires_at = key.created_at - timedelta(seconds=1)
        key.save(update_fields=["retires_at"])
    read = document(person.wire, uri)
    assert [method["id"] for method in read["assertionMethod"]] == [f"{uri}#ed25519-key-2"]
    assert Keys().before(actor.pk) is None
    assert keys.wipe_retired() == 1
    assert not ActorKey.objects.filter(retires_at__isnull=False, private__isnull=False).exists()
    assert signing_key(actor, KeyKind.RSA).private is not None
    assert keys.wipe_retired() == 0
    keys.rotate_keys(actor)
    # No name comes back: who remembers the first key by it would take the third for it.
    assert document(person.wire, uri)["publicKey"]["id"] == f"{uri}#main-key-3"


@pytest.mark.skipif(settings.CLUSTER, reason="PostgreSQL plans by how many rows there are: here few")
def test_the_few_that_are_over_are_not_looked_for_among_all_keys(db: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        keys.wipe_retired()
    [(_, step)] = steps(query["sql"] for query in captured.captured_queries)
    assert "activitypub_key_retired" in step
    assert step.startswith("SEARCH")


def test_whoever_sends_updates_hears_of_new_keys(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    monkeypatch.setattr(ports.actor_changed, "_functions", [heard.append])
    keys.rotate_keys(actor_of(person))
    assert heard == [actor_of(person).pk]


def test_the_servers_own_keys_are_rotated_and_its_audit_tells(wire: DjangoWire) -> None:
    actors.make_missing()
    said = rotate("--instance")
    assert f"{wire.origin}/actor#main-key-2" in said
    assert document(wire, f"{wire.origin}/actor")["publicKey"]["id"] == f"{wire.origin}/actor#main-key-2"
    assert AuditRow.objects.filter(chain=SERVER, event="actor_keys_rotated").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_rotations_at_once_are_two_rotations() -> None:
    person = Person(DjangoWire())
    person.register().expect(201)
    actor: LocalActor = actor_of(person)
    faults: list[Any] = []

    def once() -> None:
        try:
            keys.rotate_keys(actor)
        except Exception as error:
            faults.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=once) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    living = ActorKey.objects.filter(actor=actor, retires_at=None)
    assert sorted(key.key_id.rpartition("#")[2] for key in living) == ["ed25519-key-3", "main-key-3"]
    assert ActorKey.objects.filter(actor=actor).count() == 6

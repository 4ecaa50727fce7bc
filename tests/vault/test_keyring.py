"""The key ring: whose root key it takes, and when a key may be made."""

import asyncio
import pickle
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.db import IntegrityError, connection, transaction

from vault import keyring, keys, services
from vault.errors import CannotOpen, RingMissing, RootKeyMismatch, RootKeyMissing, RootKeyUnsafe
from vault.keyring import BLIND_INDEX, FIELDS, PURPOSES
from vault.models import DataKey
from vault.protectors import keyfile
from vault.rootkey import RootKey
from vault.services import ensure_ring

CONTEXT = b"context"


def complaints() -> list[str]:
    """The ids of what the vault's own system checks object to."""
    return [problem.id for problem in run_checks() if problem.id and problem.id.startswith("vault.")]


def add_generation(purpose: str, generation: int) -> DataKey:
    row = DataKey(purpose=purpose, generation=generation)
    row.wrapped = keyring.wrap(keys.root(), row, bytes([generation]) * 32)
    row.save()
    keyring.forget()
    return row


def another_vault(key_file: Path) -> None:
    """Put another vault, with another key file, into the place of the one that is there."""
    key_file.unlink()
    keys.vault_path().unlink()
    keys.forget()
    keys.begin()


# --- whose root key


def test_no_root_key_is_invented_where_the_database_has_a_ring(empty_ring: Path) -> None:
    ensure_ring()
    for lost in (empty_ring, keys.vault_path()):
        lost.unlink()
        keys.forget()
        with pytest.raises(RootKeyMissing, match="put back the one that belongs to this database"):
            ensure_ring()
        assert not lost.exists()


def test_another_key_file_is_refused_and_replaces_nothing(empty_ring: Path) -> None:
    ensure_ring()
    before = keys.vault_path().read_bytes()
    empty_ring.unlink()
    keyfile.load_or_create(empty_ring)
    keys.forget()
    with pytest.raises(RootKeyMismatch, match="keyfile is not the one of the vault file"):
        ensure_ring()
    assert keys.vault_path().read_bytes() == before


def test_a_wrong_root_key_is_refused_and_the_ring_left_as_it_was(empty_ring: Path) -> None:
    ensure_ring()
    before = list(DataKey.objects.values_list("id", "wrapped"))
    another_vault(empty_ring)
    with pytest.raises(RootKeyMismatch):
        ensure_ring()
    with pytest.raises(RootKeyMismatch):
        keyring.load()
    assert list(DataKey.objects.values_list("id", "wrapped")) == before


def test_a_wrong_root_key_adds_no_key_of_a_new_purpose(empty_ring: Path) -> None:
    ensure_ring()
    DataKey.objects.filter(purpose=BLIND_INDEX).delete()
    another_vault(empty_ring)
    with pytest.raises(RootKeyMismatch):
        ensure_ring()
    assert DataKey.objects.count() == len(PURPOSES) - 1


def test_an_unsafe_root_key_stops_the_start(empty_ring: Path) -> None:
    keys.begin()
    empty_ring.chmod(0o644)
    with pytest.raises(RootKeyUnsafe):
        ensure_ring()
    assert not DataKey.objects.exists()
    assert complaints() == ["vault.E001"]


def test_the_checks_find_nothing_wrong_with_a_safe_or_an_absent_root_key(root_key_path: Path) -> None:
    for _ in range(2):
        assert complaints() == []
        keys.begin()


def test_using_a_key_makes_none(empty_ring: Path) -> None:
    keys.begin()
    with pytest.raises(RingMissing, match="migrate"):
        keyring.active(FIELDS)
    assert not DataKey.objects.exists()


def test_using_the_root_key_makes_none(root_key_path: Path) -> None:
    with pytest.raises(RootKeyMissing):
        keys.derive("cache")
    assert not root_key_path.exists()


# --- rows that were tampered with


@pytest.mark.parametrize(
    "move",
    [{"purpose": "elsewhere"}, {"generation": 7}, {"id": "00000000-0000-4000-8000-000000000000"}],
)
def test_a_wrapped_key_moved_to_another_purpose_generation_or_id_does_not_open(
    empty_ring: Path, move: dict[str, object]
) -> None:
    ensure_ring()
    DataKey.objects.filter(purpose=FIELDS).update(**move)
    with pytest.raises(CannotOpen):
        keyring.load()


def test_wrapped_keys_swapped_between_purposes_do_not_open(empty_ring: Path) -> None:
    ensure_ring()
    one, other = DataKey.objects.order_by("purpose")[:2]
    DataKey.objects.filter(pk=one.pk).update(wrapped=other.wrapped)
    with pytest.raises(CannotOpen):
        keyring.load()


def test_a_flipped_bit_in_a_wrapped_key_is_noticed(empty_ring: Path) -> None:
    ensure_ring()
    row = DataKey.objects.get(purpose=FIELDS)
    *others, last = bytes(row.wrapped)
    DataKey.objects.filter(pk=row.pk).update(wrapped=bytes([*others, last ^ 1]))
    with pytest.raises(CannotOpen):
        keyring.load()


def test_a_second_key_of_one_purpose_and_generation_is_refused_by_the_database(empty_ring: Path) -> None:
    ensure_ring()
    with pytest.raises(IntegrityError), transaction.atomic():
        DataKey.objects.create(purpose=FIELDS, generation=1, wrapped=b"")


# --- making the ring


def test_a_ring_has_one_key_for_every_purpose_and_each_is_another(empty_ring: Path) -> None:
    ensure_ring()
    assert sorted(DataKey.objects.values_list("purpose", "generation")) == [
        (purpose, 1) for purpose in sorted(PURPOSES)
    ]
    assert len({keyring.active(purpose).material for purpose in PURPOSES}) == len(PURPOSES)


def test_making_the_ring_again_changes_nothing(empty_ring: Path) -> None:
    ensure_ring()
    before = list(DataKey.objects.values_list("id", "wrapped"))
    ensure_ring()
    assert list(DataKey.objects.values_list("id", "wrapped")) == before


def test_no_key_is_made_inside_a_transaction_that_may_roll_back(empty_ring: Path) -> None:
    with pytest.raises(RuntimeError, match="inside a transaction"), transaction.atomic():
        ensure_ring()
    assert not DataKey.objects.exists()
    assert not keyring._ring.active


def test_a_complete_ring_may_be_read_inside_a_transaction(empty_ring: Path) -> None:
    ensure_ring()
    with transaction.atomic():
        ensure_ring()
    assert keyring.active(FIELDS).generation == 1


def test_the_database_holds_no_key_unwrapped(empty_ring: Path) -> None:
    ensure_ring()
    stored = b"".join(bytes(row.wrapped) for row in DataKey.objects.all())
    for purpose in PURPOSES:
        assert keyring.active(purpose).material not in stored
    assert empty_ring.read_bytes() not in stored


def in_threads(work: Callable[[], None]) -> list[BaseException]:
    """Run `work` in four threads at once, each with a connection of its own."""
    gate, failures = threading.Barrier(4), []

    def run() -> None:
        try:
            gate.wait(30)
            work()
        except BaseException as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return failures


def test_workers_that_begin_at_once_end_with_one_ring(
    empty_ring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.begin()
    seen_empty = threading.Barrier(4)
    begin = services._begin

    def begin_together(root_key: RootKey, purposes: list[str]) -> None:
        # All four have now found the ring empty, which is the race.
        seen_empty.wait(30)
        begin(root_key, purposes)

    with monkeypatch.context() as patch:
        patch.setattr(services, "_begin", begin_together)
        assert in_threads(ensure_ring) == []
    assert sorted(DataKey.objects.values_list("purpose", "generation")) == [
        (purpose, 1) for purpose in sorted(PURPOSES)
    ]
    for purpose in PURPOSES:
        assert keyring.active(purpose).id == DataKey.objects.get(purpose=purpose).id.bytes


# --- using the ring


def test_an_envelope_of_an_unknown_key_does_not_open(db: None) -> None:
    with pytest.raises(CannotOpen, match="does not hold"):
        keyring.named_by(FIELDS, b"\x01" + bytes(60))


def test_a_key_of_another_purpose_is_not_found(db: None) -> None:
    envelope = keyring.active(BLIND_INDEX).seal(CONTEXT, b"plain text")
    with pytest.raises(CannotOpen, match="does not hold"):
        keyring.named_by(FIELDS, envelope)


def test_the_newest_generation_seals_and_the_older_still_opens(empty_ring: Path) -> None:
    ensure_ring()
    older = keyring.active(FIELDS).seal(CONTEXT, b"plain text")
    row = add_generation(FIELDS, 2)
    assert keyring.active(FIELDS).id == row.id.bytes
    assert keyring.named_by(FIELDS, older).generation == 1
    assert keyring.named_by(FIELDS, older).open(CONTEXT, older) == b"plain text"


def test_a_generation_begun_by_another_process_is_found_when_first_met(empty_ring: Path) -> None:
    ensure_ring()
    held = keyring._ring
    add_generation(FIELDS, 2)
    envelope = keyring.active(FIELDS).seal(CONTEXT, b"plain text")
    keyring._ring = held
    assert keyring.named_by(FIELDS, envelope).open(CONTEXT, envelope) == b"plain text"


def test_the_ring_is_found_from_inside_an_event_loop(empty_ring: Path) -> None:
    ensure_ring()
    keyring.forget()

    async def touch() -> int:
        return keyring.active(FIELDS).generation

    assert asyncio.run(touch()) == 1


def test_a_key_of_the_ring_shows_nothing_and_is_not_pickled(db: None) -> None:
    key = keyring.active(FIELDS)
    assert repr(key) == "<RingKey fields 1>"
    with pytest.raises(TypeError, match="not copied or pickled"):
        pickle.dumps(key)


def test_keys_derived_for_two_purposes_differ_and_stay(db: None) -> None:
    assert keys.derive("one") == keys.derive("one") != keys.derive("other")
    assert len(keys.derive("one", 64)) == 64

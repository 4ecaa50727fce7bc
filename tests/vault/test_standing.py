"""What tells that a purpose had a key: then none is made in a lost one's place."""

from collections.abc import Collection
from pathlib import Path

import pytest

from audit.events import Event
from audit.models import AuditChain, AuditRow
from audit.services import record
from tests.audit.emptying import unguarded
from tests.vault.models import Contact
from vault import keyring, keys, standing
from vault.errors import RingMissing, RootKeyMissing
from vault.keyring import AUDIT, FIELDS, FILES, PURPOSES
from vault.models import DataKey
from vault.services import ensure_ring


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_purpose_that_an_upgrade_brings_gets_its_key_where_nothing_can_stand_under_one(
    empty_ring: Path, purpose: str
) -> None:
    ensure_ring()
    before = {other: keyring.active(other).id for other in PURPOSES if other != purpose}
    DataKey.objects.filter(purpose=purpose).delete()
    ensure_ring()
    assert {other: keyring.active(other).id for other in before} == before
    assert keyring.active(purpose).generation == 1


def something_everywhere() -> None:
    """A sealed value, its blind index, and a row of the audit."""
    Contact.objects.create(name="x", email="somebody@example.org")
    record(Event.SERVER_STARTED)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_lost_key_is_named_and_none_is_made_in_its_place(empty_ring: Path, purpose: str) -> None:
    ensure_ring()
    something_everywhere()
    DataKey.objects.filter(purpose=purpose).delete()
    keyring.forget()
    before = list(DataKey.objects.values_list("id", "wrapped"))
    with pytest.raises(RingMissing, match=f"lost its key for '{purpose}', though .* restore a back-up"):
        ensure_ring()
    assert list(DataKey.objects.values_list("id", "wrapped")) == before


@pytest.mark.parametrize("left", [AuditRow, AuditChain])
@pytest.mark.parametrize("purpose", [AUDIT, FILES])
def test_either_of_the_audits_tables_tells_that_there_was_a_key(
    empty_ring: Path, purpose: str, left: type[AuditRow | AuditChain]
) -> None:
    ensure_ring()
    record(Event.SERVER_STARTED)
    with unguarded():
        for model in {AuditRow, AuditChain} - {left}:
            model._base_manager.all().delete()
    assert left.objects.exists()
    DataKey.objects.filter(purpose=purpose).delete()
    keyring.forget()
    with pytest.raises(RingMissing, match=f"a row of {left._meta.db_table}"):
        ensure_ring()


def test_a_ring_that_is_gone_as_a_whole_is_not_begun_anew_and_neither_is_the_vault(empty_ring: Path) -> None:
    ensure_ring()
    something_everywhere()
    DataKey.objects.all().delete()
    keyring.forget()
    empty_ring.unlink()
    keys.vault_path().unlink()
    with pytest.raises(RingMissing) as refusal:
        ensure_ring()
    assert all(f"'{purpose}'" in str(refusal.value) for purpose in PURPOSES)
    assert not DataKey.objects.exists()
    assert not empty_ring.exists()
    assert not keys.vault_path().exists()


def test_a_generation_that_is_lost_after_a_rotation_is_not_begun_anew(empty_ring: Path) -> None:
    ensure_ring()
    DataKey.objects.filter(purpose=FIELDS).update(wrapped=DataKey.DESTROYED)
    keyring.forget()
    with pytest.raises(RingMissing, match="lost its key for 'fields', though there is a destroyed key"):
        ensure_ring()


def test_half_way_through_a_migrating_what_is_there_tells_and_what_is_not_is_left_aside(
    empty_ring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_ring()
    columns = {"no_table_yet": {"secret"}, Contact._meta.db_table: {"no_column_yet", "email"}}
    monkeypatch.setattr(standing, "_columns", lambda kind: columns)
    DataKey.objects.filter(purpose=FIELDS).delete()
    assert standing.lost([FIELDS]) == {}
    ensure_ring()
    something_everywhere()
    assert standing.lost([FIELDS]) == {FIELDS: f"a value in {Contact._meta.db_table}.email"}


def test_who_may_not_begin_a_vault_begins_none_for_an_empty_ring(
    empty_ring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_may_begin", False)
    with pytest.raises(RootKeyMissing):
        ensure_ring()
    assert not DataKey.objects.exists()
    assert not empty_ring.exists()
    assert not keys.vault_path().exists()


def test_a_ring_that_another_begins_and_uses_meanwhile_is_no_lost_one(
    empty_ring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = standing.lost

    def begun_by_another(purposes: Collection[str]) -> dict[str, str]:
        with monkeypatch.context() as patch:
            patch.setattr(standing, "lost", lost)
            ensure_ring()
        something_everywhere()
        return lost(purposes)

    with monkeypatch.context() as patch:
        patch.setattr(standing, "lost", begun_by_another)
        ensure_ring()
    assert keyring.load().active.keys() == set(PURPOSES)

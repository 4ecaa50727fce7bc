"""The applied migrations: the database's own table held to the rows of the audit."""

from dataclasses import replace
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from audit.models import AuditChain, AuditRow
from hvx.schema import history, manifest
from hvx.schema.history import HistoryNotAsAudited
from hvx.schema.manifest import Manifest
from tests.audit.emptying import unguarded
from vault.models import DataKey


@pytest.fixture
def signed() -> Manifest:
    return manifest.read()


@pytest.fixture
def noted(db: None, signed: Manifest) -> Manifest:
    """A database whose migrations stand in the audit, as after the first migrating."""
    history.note(signed, (), new=True)
    history.require_as_audited(signed)
    return signed


def add_row(app: str, name: str) -> None:
    MigrationRecorder(connection).record_applied(app, name)


def remove_row(app: str, name: str) -> None:
    MigrationRecorder(connection).record_unapplied(app, name)


def test_a_row_that_was_added_is_named(noted: Manifest) -> None:
    add_row("accounts", "0099_back_door")
    with pytest.raises(
        HistoryNotAsAudited, match=r"accounts\.0099_back_door is applied, and the audit does not"
    ):
        history.require_as_audited(noted)


def test_a_row_that_was_taken_away_is_named(noted: Manifest) -> None:
    remove_row("vault", "0001_key_ring")
    with pytest.raises(HistoryNotAsAudited, match=r"vault\.0001_key_ring was applied, and the database says"):
        history.require_as_audited(noted)


def test_a_migration_that_was_applied_in_another_form_is_named(noted: Manifest) -> None:
    name = "vault.0001_key_ring"
    changed = replace(noted, digests={**noted.digests, name: "0" * 64})
    with pytest.raises(HistoryNotAsAudited, match=f"{name} was applied in another form"):
        history.require_as_audited(changed)


def test_a_row_of_the_audit_that_was_edited_to_fit_is_noticed(noted: Manifest) -> None:
    add_row("accounts", "0099_back_door")
    row = AuditRow.objects.filter(event="migration_applied").first()
    assert row is not None
    details = row.details.replace(row.details.split('"')[3], "accounts.0099_back_door")
    with unguarded():
        AuditRow.objects.filter(chain=row.chain, sequence=row.sequence).update(details=details)
    with pytest.raises(
        HistoryNotAsAudited, match=f"row {row.sequence} of the audit's chain 'server' was changed"
    ):
        history.require_as_audited(noted)


def test_a_row_of_the_audit_that_was_made_up_is_noticed(noted: Manifest) -> None:
    add_row("accounts", "0099_back_door")
    row = AuditRow.objects.filter(event="migration_applied").order_by("-sequence").first()
    assert row is not None
    row.sequence += 1
    row.details = '{"migration":"accounts.0099_back_door","sha256":"","signer":"","version":""}'
    row.save(force_insert=True)
    with pytest.raises(HistoryNotAsAudited, match="was changed"):
        history.require_as_audited(noted)


@pytest.mark.parametrize(("column", "value"), [("at", "no time"), ("hash", 7), ("details", b"raw")])
def test_a_row_of_the_audit_that_cannot_be_read_is_noticed(noted: Manifest, column: str, value: Any) -> None:
    with unguarded(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            column, value = "details", "not JSON"
        cursor.execute(
            f"UPDATE audit_auditrow SET {column} = %s WHERE chain = 'server' AND sequence = 2",  # noqa: S608
            [value],
        )
    with pytest.raises(HistoryNotAsAudited, match="was changed"):
        history.require_as_audited(noted)


def test_a_row_of_the_audit_that_was_removed_leaves_a_migration_that_nobody_knows(noted: Manifest) -> None:
    row = AuditRow.objects.filter(event="migration_applied", details__contains="vault.0001").first()
    assert row is not None
    with unguarded():
        AuditRow.objects.filter(chain=row.chain, sequence=row.sequence).delete()
    with pytest.raises(HistoryNotAsAudited, match=r"vault\.0001_key_ring is applied, and the audit does not"):
        history.require_as_audited(noted)


def test_a_database_that_was_migrated_without_an_audit_does_not_start(db: None, signed: Manifest) -> None:
    with pytest.raises(HistoryNotAsAudited, match=r"run manage\.py migrate first"):
        history.require_as_audited(signed)


def test_an_audit_that_was_emptied_makes_no_history_right(noted: Manifest) -> None:
    add_row("accounts", "0099_evil")
    with unguarded():
        AuditRow.objects.all().delete()
        AuditChain.objects.all().delete()
    assert not history.audit_is_new()
    with pytest.raises(HistoryNotAsAudited, match="the audit knows of none: it was emptied"):
        history.require_nothing_strange(noted)
    with pytest.raises(HistoryNotAsAudited, match="the audit knows of none"):
        history.note(noted, {"accounts.0099_evil"})
    assert not AuditRow.objects.exists()


def test_who_acknowledges_all_acknowledges_what_this_version_has_and_nothing_else(noted: Manifest) -> None:
    add_row("accounts", "0099_evil")
    with unguarded():
        AuditRow.objects.all().delete()
        AuditChain.objects.all().delete()
    with pytest.raises(HistoryNotAsAudited):
        history.note(noted, history.acknowledged(["all"]))
    assert not AuditRow.objects.exists()
    history.note(noted, history.acknowledged(["all", "accounts.0099_evil"]))
    history.require_as_audited(noted)


def test_a_first_migrating_takes_no_migration_that_this_version_lacks(db: None, signed: Manifest) -> None:
    add_row("accounts", "0099_evil")
    with pytest.raises(HistoryNotAsAudited, match=r"accounts\.0099_evil is applied, and the audit does not"):
        history.note(signed, (), new=True)
    assert not AuditRow.objects.exists()


def test_an_audit_is_new_only_where_there_was_never_a_key_for_it(db: None) -> None:
    assert not history.audit_is_new()
    DataKey.objects.filter(purpose="audit").delete()
    # Its tables are there, and other keys: it was taken away.
    assert not history.audit_is_new()
    DataKey.objects.all().delete()
    assert history.audit_is_new()


def test_what_is_strange_is_not_written_down_as_right_by_migrating_once_more(noted: Manifest) -> None:
    add_row("accounts", "0099_back_door")
    rows = AuditRow.objects.count()
    with pytest.raises(HistoryNotAsAudited, match="0099_back_door"):
        history.note(noted, ())
    assert AuditRow.objects.count() == rows


def test_a_migrating_cut_short_says_what_to_do_and_is_mended_by_it(noted: Manifest) -> None:
    history.plan("accounts.0099_next", noted)
    history.require_as_audited(noted)
    add_row("accounts", "0099_next")
    with pytest.raises(
        HistoryNotAsAudited, match=r"cut short at accounts\.0099_next: run manage\.py migrate"
    ):
        history.require_as_audited(noted)
    history.require_nothing_strange(noted)
    history.note(noted, ())
    history.require_as_audited(noted)


def test_a_migration_taken_back_may_be_applied_again(noted: Manifest) -> None:
    history.plan("hvx.0001_initial", noted)
    remove_row("hvx", "0001_initial")
    history.note(noted, ())
    history.require_as_audited(noted)
    add_row("hvx", "0001_initial")
    with pytest.raises(HistoryNotAsAudited, match=r"hvx\.0001_initial is applied"):
        history.require_as_audited(noted)


def test_an_operator_may_acknowledge_what_is_strange_and_that_is_audited(noted: Manifest) -> None:
    add_row("accounts", "0099_by_hand")
    rows = AuditRow.objects.count()
    history.note(noted, {"accounts.0099_by_hand"})
    history.require_as_audited(noted)
    assert AuditRow.objects.count() == rows + 1


def test_what_the_audit_has_already_is_not_written_again_for_who_acknowledges_it(noted: Manifest) -> None:
    rows = AuditRow.objects.count()
    history.note(noted, history.acknowledged(["all"]))
    assert AuditRow.objects.count() == rows


def test_a_migration_in_another_form_is_written_down_for_who_acknowledges_it(noted: Manifest) -> None:
    name = "vault.0001_key_ring"
    changed = replace(noted, digests={**noted.digests, name: "0" * 64})
    history.note(changed, {name})
    history.require_as_audited(changed)


def test_noting_twice_writes_once(noted: Manifest) -> None:
    rows = AuditRow.objects.count()
    history.note(noted, ())
    assert AuditRow.objects.count() == rows


def test_each_row_tells_name_digest_version_and_who_signed(noted: Manifest) -> None:
    told = history.recorded().applied
    assert told == {name: noted.digests.get(name, "") for name in history.applied()}
    row = AuditRow.objects.filter(event="migration_applied").first()
    assert row is not None
    assert noted.signer in row.details


def test_faults_are_told_as_every_commands_are() -> None:
    assert issubclass(HistoryNotAsAudited, CommandError)

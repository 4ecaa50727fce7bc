"""The server chain's head and its file are held to each other: a contradiction is told and stays."""

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from audit import head_file, heads
from audit.checkpoints import checkpoint
from audit.events import Event
from audit.head_file import Head
from audit.models import AuditChain, AuditRow
from audit.queries import verify
from audit.services import record
from tests.audit.emptying import unguarded

pytestmark = pytest.mark.django_db

Copy = tuple[AuditChain, int]


def copied() -> Copy:
    """The server's chain as a copy of the database would have it."""
    head = AuditChain.objects.get(chain="server")
    return head, head.length


def put_back(copy: Copy) -> None:
    head, length = copy
    with unguarded():
        AuditRow.objects.filter(chain="server", sequence__gt=length).delete()
        AuditChain.objects.filter(chain="server").delete()
        head.save(force_insert=True)


def told() -> Head:
    head = head_file.read()
    assert head is not None
    return head


@pytest.fixture
def copy() -> Copy:
    """A copy of an earlier moment; the file knows two rows more."""
    record(Event.INVITE_MADE)
    checkpoint()
    made = copied()
    record(Event.INVITE_MADE)
    record(Event.INVITE_MADE)
    checkpoint()
    assert told().length == made[1] + 2
    assert heads.contradiction() == ""
    return made


def head_faults() -> list[str]:
    return [str(fault.kind) for fault in verify().faults if fault.kind != "trigger"]


def test_of_a_chain_put_back_the_file_is_kept_and_the_log_tells(
    copy: Copy, caplog: pytest.LogCaptureFixture
) -> None:
    before = told()
    put_back(copy)
    for _ in range(5):
        # Past the row that the file knows, which is another one then.
        checkpoint()
        record(Event.INVITE_MADE)
        assert told() == before
        assert f"knows row {before.length} of the audit's chain 'server'" in heads.contradiction()
        assert head_faults() == ["head_file"]
    assert caplog.text.count("the audit is not the one of its head's file") == 5


def test_of_an_audit_that_was_emptied_the_file_is_kept(copy: Copy) -> None:
    before = told()
    with unguarded():
        AuditRow.objects.all().delete()
        AuditChain.objects.all().delete()
    checkpoint()
    assert heads.contradiction()
    record(Event.INVITE_MADE)
    checkpoint()
    assert heads.contradiction()
    assert told() == before


def test_of_an_audit_that_was_taken_away_with_its_tables_the_file_is_kept(copy: Copy) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditrow RENAME TO aside")
    assert heads.contradiction()
    assert told().length > copy[1]


def test_a_file_that_cannot_be_written_is_left_as_it_was_with_nothing_beside_it(
    copy: Copy, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = told()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space left"):
            head_file.write(Head(length=before.length + 1, hash="00"))
    assert told() == before
    assert [path.name for path in data_dir.iterdir()] == ["audit.head"]


def test_a_row_that_only_bears_the_hash_of_the_file_is_not_the_one_that_it_knows(copy: Copy) -> None:
    before = told()
    put_back(copy)
    record(Event.INVITE_MADE)
    record(Event.INVITE_MADE)
    with unguarded():
        AuditRow.objects.filter(chain="server", sequence=before.length).update(
            hash=bytes.fromhex(before.hash)
        )
    assert heads.contradiction()


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"length": "x", "hash": 1}'])
def test_a_file_that_is_no_head_is_kept_and_told(content: str, copy: Copy, data_dir: Path) -> None:
    (data_dir / "audit.head").write_text(content)
    checkpoint()
    assert (data_dir / "audit.head").read_text() == content
    assert str(data_dir / "audit.head") in heads.contradiction()


def test_an_older_row_that_is_true_is_no_contradiction_and_the_file_goes_on(copy: Copy) -> None:
    """As on a machine that stood still while another one wrote."""
    newest = told()
    head, length = copy
    head_file.write(Head(length=length, hash=head.hash.hex()))
    assert heads.contradiction() == ""
    checkpoint()
    assert told() == newest


def test_a_file_that_is_ahead_of_who_writes_it_is_not_set_back(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = told()
    head, length = copy
    monkeypatch.setattr(heads, "_head", lambda: Head(length=length, hash=head.hash.hex()))
    heads.publish()
    assert told() == newest


def test_the_file_is_read_compared_and_written_by_one_at_a_time(
    copy: Copy, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the slower of two would put its older head over the newer one."""
    held = []
    head = heads._head

    def watched() -> Head | None:
        folder = os.open(data_dir, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.append(True)
        finally:
            os.close(folder)
        return head()

    monkeypatch.setattr(heads, "_head", watched)
    heads.publish()
    heads.replace()
    assert held == [True, True]


@pytest.mark.parametrize(("column", "value"), [("hash", "text"), ("length", -5)])
def test_a_head_that_cannot_be_read_is_not_published_and_ends_no_checkpoint(
    copy: Copy, column: str, value: Any
) -> None:
    if connection.vendor == "postgresql" or column == "length":
        # What the database holds to its type, or refuses, is none of this.
        value = {"hash": bytes(32), "length": 2**63 - 1}[column]
    before = told()
    with unguarded(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_auditchain SET {column} = %s WHERE chain = 'server'", [value])  # noqa: S608
    assert checkpoint() == 0
    heads.replace()
    assert column == "hash" or told() == before


def test_a_head_that_is_no_row_is_not_published(copy: Copy) -> None:
    before = told()
    AuditChain.objects.filter(chain="server").update(length=before.length + 1, hash=bytes(32))
    heads.publish()
    assert told() == before


def test_a_restore_writes_the_head_whatever_the_file_says(copy: Copy) -> None:
    put_back(copy)
    heads.replace()
    assert told().length == copy[1]
    assert heads.contradiction() == ""

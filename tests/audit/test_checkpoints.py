"""What only a checkpoint tells, or the file beside the database."""

import json
from pathlib import Path
from typing import Any

import pytest

from audit import checkpoints, head_file, verification, walk
from audit.checkpoints import checkpoint
from audit.events import Event
from audit.faults import Report
from audit.models import AuditChain, AuditRow
from audit.queries import verify
from audit.services import chain_of, record
from tests.audit.tampering import ALICE, BOB, ROWS, faults, put_back, sql

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("open_to_all")
def test_a_chain_put_back_with_its_head_is_found_by_the_checkpoint(alice: str) -> None:
    assert checkpoint() == 1
    put_back(alice, 5)
    # Its head says of the checkpoint, too, what it said before.
    assert faults(alice) == [("checkpoint", alice, ROWS), ("checkpoint", alice, None)]
    for _ in range(5):
        record(Event.LOGIN, account=ALICE)
    assert faults(alice) == [("checkpoint", alice, ROWS), ("checkpoint", alice, None)]
    checkpoint()
    assert faults(alice) == [("checkpoint", alice, ROWS)]


@pytest.mark.usefixtures("open_to_all")
def test_a_whole_chain_gone_with_its_head_is_found_by_the_checkpoint(alice: str) -> None:
    checkpoint()
    sql("DELETE FROM audit_auditrow WHERE chain = %s", alice)
    sql("DELETE FROM audit_auditchain WHERE chain = %s", alice)
    assert faults(alice) == [("checkpoint", alice, ROWS)]


def mark_as_taken(chain: str, length: int) -> None:
    sql("UPDATE audit_auditchain SET checkpointed = %s WHERE chain = %s", length, chain)


def kept_copy(chain: str) -> tuple[Any, ...]:
    """A head, for who puts it back later."""
    head = AuditChain.objects.get(chain=chain)
    return (head.length, head.hash, head.seal, head.checkpointed)


def put_copy_back(chain: str, copy: tuple[Any, ...]) -> None:
    sql("DELETE FROM audit_auditrow WHERE chain = %s AND sequence > %s", chain, copy[0])
    sql(
        "UPDATE audit_auditchain SET length = %s, hash = %s, seal = %s, checkpointed = %s WHERE chain = %s",
        *(*copy, chain),
    )


def two_histories(chain: str) -> list[AuditRow]:
    """The last three rows of eight, which were taken away to have three others written in their place."""
    copied = AuditRow.objects.filter(chain=chain, sequence__gt=ROWS - 3).order_by("sequence")
    first = list(copied)
    put_back(chain, ROWS - 3)
    for _ in range(3):
        record(Event.LOGIN, account=ALICE)
    assert faults() == []
    return first


def put_into(place: AuditRow) -> None:
    sql("DELETE FROM audit_auditrow WHERE chain = %s AND sequence = %s", place.chain, place.sequence)
    AuditRow.objects.bulk_create([place])


@pytest.mark.usefixtures("open_to_all")
def test_a_genuine_row_of_another_history_is_found(alice: str) -> None:
    put_into(two_histories(alice)[1])
    assert faults(alice) == [("spliced", alice, ROWS - 1), ("spliced", alice, ROWS)]


@pytest.mark.usefixtures("open_to_all")
def test_another_history_of_genuine_rows_is_found_by_the_head(alice: str) -> None:
    for row in two_histories(alice):
        put_into(row)
    assert faults(alice) == [("spliced", alice, ROWS)]


def test_what_is_written_while_a_chain_is_read_is_read_as_well(
    alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_on = walk.Walk.read_on
    once = [True]

    def slow(one: walk.Walk) -> None:
        read_on(one)
        if one.chain == alice and once:
            once.clear()
            record(Event.LOGIN, account=ALICE)

    monkeypatch.setattr(walk.Walk, "read_on", slow)
    report = verify()
    assert report.faults == []
    assert report.rows == AuditRow.objects.count()


@pytest.mark.usefixtures("open_to_all")
def test_a_chain_marked_as_taken_is_found(alice: str) -> None:
    checkpoint()
    record(Event.LOGIN_REFUSED, account=ALICE)
    mark_as_taken(alice, ROWS + 1)
    assert faults(alice) == [("head", alice, None), ("checkpoint", alice, None)]


@pytest.mark.usefixtures("open_to_all")
def test_a_chain_marked_as_taken_is_taken_by_the_next_checkpoint_and_cannot_be_put_back(
    alice: str, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint()
    copy = kept_copy(alice)
    record(Event.LOGIN_REFUSED, account=ALICE)
    mark_as_taken(alice, ROWS + 1)
    assert checkpoint() == 1
    assert caplog.messages.count("the head of an audit chain was changed") == 1
    assert faults() == [("head", alice, None)]
    assert checkpoint() == 0
    put_copy_back(alice, copy)
    assert faults(alice) == [("checkpoint", alice, ROWS + 1), ("checkpoint", alice, None)]


@pytest.mark.usefixtures("open_to_all")
def test_a_chain_marked_as_taken_before_its_next_row_is_taken_all_the_same(alice: str) -> None:
    checkpoint()
    copy = kept_copy(alice)
    mark_as_taken(alice, ROWS + 1)
    record(Event.LOGIN_REFUSED, account=ALICE)
    assert faults(alice) == [("head", alice, None), ("checkpoint", alice, None)]
    assert checkpoint() == 1
    put_copy_back(alice, copy)
    assert faults(alice) == [("checkpoint", alice, ROWS + 1), ("checkpoint", alice, None)]


@pytest.mark.usefixtures("open_to_all")
def test_a_head_that_was_moved_back_stays_found_whatever_is_written_after(alice: str) -> None:
    before = AuditRow.objects.get(chain=alice, sequence=ROWS - 1)
    sql("DELETE FROM audit_auditrow WHERE chain = %s AND sequence = %s", alice, ROWS)
    sql("UPDATE audit_auditchain SET length = %s, hash = %s WHERE chain = %s", ROWS - 1, before.hash, alice)
    assert checkpoint() == 1
    assert faults(alice) == [("head", alice, None)]
    record(Event.LOGIN, account=ALICE)
    checkpoint()
    assert checkpoint() == 0
    assert faults(alice) == [("head", alice, None)]


@pytest.mark.usefixtures("open_to_all")
def test_a_mark_of_an_earlier_time_is_found_though_its_seal_is_genuine(alice: str) -> None:
    """As of a copy that was made while the mark was older, under a length that is the same."""
    from audit import keys

    older = AuditChain.objects.get(chain=alice)
    checkpoint()
    assert older.is_genuine(keys.current().chain)
    mark_as_taken(alice, older.checkpointed)
    sql("UPDATE audit_auditchain SET seal = %s WHERE chain = %s", older.seal, alice)
    assert faults(alice) == [("checkpoint", alice, None)]


def test_a_checkpoint_that_falls_into_the_walk_is_no_fault(
    alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint()
    compare = verification._compare_marks

    def late(server: Any, report: Report) -> None:
        record(Event.LOGIN, account=ALICE)
        checkpoint()
        compare(server, report)

    monkeypatch.setattr(verification, "_compare_marks", late)
    assert verify().faults == []


def test_a_checkpoint_is_written_once_and_only_of_what_grew(alice: str) -> None:
    assert checkpoint() == 1
    assert checkpoint() == 0
    record(Event.LOGIN, account=BOB)
    assert checkpoint() == 1
    row = AuditRow.objects.filter(event=Event.CHECKPOINT).latest("sequence")
    assert list(json.loads(row.details)) == [chain_of(BOB)]
    assert verify().checkpoints == 2


def test_what_another_process_has_taken_since_it_was_found_to_be_due_is_not_taken_again(
    alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = checkpoints._take

    def taken_by_two(chains: list[str], key: bytes) -> bool:
        assert take(chains, key)
        return take(chains, key)

    monkeypatch.setattr(checkpoints, "_take", taken_by_two)
    assert checkpoint() == 0
    assert AuditRow.objects.filter(event=Event.CHECKPOINT).count() == 1


def test_many_chains_take_several_rows() -> None:
    for count in range(101):
        record(Event.LOGIN, account=str(count))
    assert checkpoint() == 2
    assert verify().whole


@pytest.mark.usefixtures("open_to_all")
def test_a_server_chain_put_back_is_found_by_the_file_beside_the_database(alice: str, data_dir: Path) -> None:
    checkpoint()
    record(Event.INVITE_MADE)
    checkpoint()
    assert faults() == []
    assert verify().head_file
    path = data_dir / "audit.head"
    assert path.stat().st_mode & 0o777 == 0o600
    length = json.loads(path.read_text())["length"]
    put_back("server", length - 1)
    assert faults("server") == [("head_file", "server", length)]


def test_a_file_that_is_no_head_is_said_to_be_none(alice: str, data_dir: Path) -> None:
    checkpoint()
    for content in ("", "{}", '{"length": "x", "hash": 1}', "[]"):
        (data_dir / "audit.head").write_text(content)
        assert [kind for kind, _, _ in faults()] == ["head_file"]
    assert head_file.path() == data_dir / "audit.head"

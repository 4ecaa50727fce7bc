"""`manage.py audit verify | show`."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import Error, connection, transaction
from django.utils import timezone

from audit import ports
from audit.checkpoints import checkpoint
from audit.events import Event
from audit.services import chain_of, record
from tests.audit.emptying import unguarded
from tests.people import Person
from vault.errors import Sealed


def audit(*arguments: str) -> str:
    said = StringIO()
    call_command("audit", *arguments, stdout=said)
    return said.getvalue()


def shown(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in audit("show", "--json", *arguments).splitlines()]


def test_a_whole_audit_is_said_to_be_whole(person: Person) -> None:
    assert "There is no audit.head here" in audit("verify")
    checkpoint()
    said = audit("verify")
    assert ": whole" in said
    assert "There is no audit.head here" not in said
    assert json.loads(audit("verify", "--json"))["whole"] is True


def test_a_fault_is_named_and_ends_with_status_1(person: Person) -> None:
    chain = chain_of(person.id)
    with unguarded(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditrow SET event = 'login' WHERE chain = %s AND sequence = 1", [chain])
    said = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("audit", "verify", stdout=said)
    assert ended.value.code == 1
    assert f"changed: {chain} row 1: the row is not the one that was written" in said.getvalue()
    said = StringIO()
    with pytest.raises(SystemExit):
        call_command("audit", "verify", "--json", stdout=said)
    [fault] = json.loads(said.getvalue())["faults"]
    assert (fault["kind"], fault["chain"], fault["sequence"]) == ("changed", chain, 1)


def test_rows_are_shown_newest_first_and_by_account(person: Person) -> None:
    record(Event.INVITE_MADE)
    by_name, by_id = shown("--account", person.username), shown("--account", person.id)
    assert [row["event"] for row in by_name] == ["registered", "certificate_stored"]
    assert by_name == by_id
    assert shown("--account", "nobody at all") == []


def test_the_filters_hold_together(person: Person) -> None:
    # A device hash may begin with a hyphen, which would be taken for another option.
    person.handset.log_in().expect(200)
    person.new_handset().log_in(password="not the one").expect(401)
    assert {row["event"] for row in shown(f"--device={person.handset.hash}")} == {
        "certificate_stored",
        "registered",
        "login",
    }
    assert [row["event"] for row in shown("--subject", person.username)] == ["login_refused"]
    assert shown("--subject", person.username, "--event", "login") == []
    assert len(shown("--network", "127.0.0.1", "--chain", chain_of(person.id))) == 4
    assert shown("--network", "127.0.0.2") == []
    assert len(shown("--account", person.username, "--limit", "1")) == 1
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    assert shown("--since", later) == []
    assert len(shown("--account", person.username, "--until", later, "--since", "2020-01-01")) == 4


def test_a_line_tells_time_place_event_and_details(person: Person) -> None:
    person.handset.log_in().expect(200)
    [line] = audit("show", "--account", person.username, "--event", "login").splitlines()
    place = chain_of(person.id)[: len("account:") + 8]
    assert f"{place} 3  login  kind=password state=active  device:" in line


def test_a_row_that_was_changed_is_shown_as_none_of_the_servers(person: Person) -> None:
    chain = chain_of(person.id)
    with unguarded(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE audit_auditrow SET event = 'login', details = 'none' WHERE chain = %s AND sequence = 1",
            [chain],
        )
    first, second = reversed(audit("show", "--chain", chain).splitlines())
    assert first.endswith("  NOT AS WRITTEN: see audit verify")
    assert "NOT AS WRITTEN" not in second
    first_told, second_told = reversed(shown("--chain", chain))
    assert (first_told["as_written"], second_told["as_written"]) == (False, True)
    assert first_told["details"] == {}


def test_a_row_that_cannot_be_read_is_said_to_be_one_for_verify(person: Person) -> None:
    if connection.vendor == "postgresql":
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE audit_auditrow SET at = 'no time'")
        return
    with unguarded(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditrow SET at = 'no time' WHERE sequence = 1")
    with pytest.raises(CommandError, match="audit verify"):
        audit("show")


@pytest.mark.parametrize("arguments", [["--event", "nonsense"], ["--since", "yesterday"]])
def test_what_is_no_filter_is_refused(db: None, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        audit("show", *arguments)


@pytest.mark.parametrize("verb", [["verify"], ["show", "--account", "somebody"]])
def test_a_sealed_vault_is_said_in_one_sentence(
    db: None, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    def sealed() -> bytes:
        raise Sealed

    monkeypatch.setattr(ports.key, "_function", sealed)
    with pytest.raises(CommandError, match="sealed"):
        audit(*verb)

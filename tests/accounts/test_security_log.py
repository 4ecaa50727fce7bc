"""`GET me/security-log`: one's own events, and nobody else's."""

import re
from typing import Any

import pytest

from audit.events import Event
from audit.services import record
from devices.models import Device
from tests.people import DjangoWire, Handset, Person


def log_of(handset: Handset, query: str = "") -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = handset.call("GET", f"me/security-log{query}").expect(200).json["results"]
    return results


def test_the_newest_comes_first_with_device_network_and_details(person: Person) -> None:
    person.handset.log_in().expect(200)
    newest, *_, oldest = log_of(person.handset)
    assert newest.pop("at").endswith("Z")
    assert newest == {
        "event": "login",
        "device": person.handset.hash,
        "same_network": True,
        "details": {"kind": "password", "state": "active"},
    }
    assert oldest["event"] == "certificate_stored"


def test_nobody_sees_the_events_of_another(person: Person, wire: DjangoWire) -> None:
    other = Person(wire)
    other.register().expect(201)
    before = len(log_of(other.handset))
    person.handset.log_in().expect(200)
    other.handset.log_in(login=person.username, password="not the one").expect(401)
    record(Event.INVITE_MADE)
    assert len(log_of(other.handset)) == before
    assert [row["event"] for row in log_of(person.handset)][:2] == ["login_refused", "login"]


def test_another_network_shows_as_another_and_none_as_unknown(person: Person) -> None:
    elsewhere = Person(DjangoWire("198.51.100.9"), username=person.username)
    elsewhere.handset.log_in(password="not the one").expect(401)
    record(Event.LOCKED_OUT, account=person.id)
    unknown, refused, *_ = log_of(person.handset)
    assert (refused["event"], refused["same_network"]) == ("login_refused", False)
    assert unknown["same_network"] is None


def test_a_device_of_ones_own_is_named_though_it_has_ended_and_any_other_is_not(person: Person) -> None:
    other = person.certified_handset()
    other.log_out().expect(204)
    ended = log_of(person.handset)[0]
    assert (ended["event"], ended["device"]) == ("device_logged_out", other.hash)
    Device.objects.filter(hash=other.hash).update(hash="x" * 43)
    assert log_of(person.handset)[0]["device"] is None


def test_it_comes_page_by_page(person: Person) -> None:
    for _ in range(3):
        person.handset.log_in().expect(200)
    whole = log_of(person.handset)
    first = person.handset.call("GET", "me/security-log?limit=2").expect(200).json
    assert first["results"] == whole[:2]
    assert first["previous"] is None
    rest = re.sub(r"^.*/api/hvx/v1/", "", first["next"])
    assert person.handset.call("GET", rest).expect(200).json["results"] == whole[2:4]


@pytest.mark.parametrize("cursor", ["x", "cD0x", "cD14eHg=", "cD0tOTk5OTk5OTk5OTk5OTk5OTk5OTk5"])
def test_a_cursor_that_is_none_is_refused_or_ends_the_list(person: Person, cursor: str) -> None:
    answer = person.handset.call("GET", f"me/security-log?cursor={cursor}")
    assert answer.status == 200 or answer.refusal == (400, "cursor_invalid")


def test_a_pending_device_reads_nothing(person: Person) -> None:
    handset = person.new_handset()
    handset.log_in().expect(200)
    assert handset.call("GET", "me/security-log").refusal == (403, "device_pending")


def test_reading_is_not_written_down(person: Person) -> None:
    assert log_of(person.handset) == log_of(person.handset)

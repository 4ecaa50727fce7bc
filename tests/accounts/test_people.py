"""The story of §3 from end to end, as tests/people.py plays it."""

from tests.people import DjangoWire, Person


def test_a_person_registers_adds_a_device_and_takes_it_away(wire: DjangoWire) -> None:
    alice = Person(wire)
    alice.register().expect(201)
    phone = alice.new_handset("phone")
    assert phone.log_in().expect(200).json["state"] == "pending"
    assert phone.activate().expect(200).json["state"] == "active"
    assert len(phone.call("GET", "devices").expect(200).json["results"]) == 2
    alice.handset.revoke(phone).expect(200)
    assert phone.call("GET", "devices").refusal == (401, "device_revoked")

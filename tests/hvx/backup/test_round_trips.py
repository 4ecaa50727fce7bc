"""What was backed up is there again after a restore, on the same database and on the other one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hvx.backup.places import begun, moved, place, restore
from tests.live import LiveServer
from tests.people import LiveWire, Person

on_postgres = pytest.mark.needs("postgres", "redis")


@dataclass
class World:
    server: LiveServer
    people: list[Person]
    back_up: Path


def world(folder: Path, *, cluster: bool) -> World:
    """A running server with two people, three devices, one of them ended, and a back-up made meanwhile."""
    server = begun(folder / "origin", cluster=cluster)
    server.start()
    wire = LiveWire(server.url)
    people = [Person(wire), Person(wire)]
    for person in people:
        person.register().expect(201)
    another = people[0].certified_handset()
    people[0].handset.revoke(another).expect(200)
    back_up = folder / "server.hvx"
    server.manage("backup", str(back_up))
    wire.close()
    return World(server, people, back_up)


@pytest.fixture(
    params=[
        pytest.param((False, False), id="SQLite to SQLite"),
        pytest.param((False, True), id="SQLite to PostgreSQL", marks=on_postgres),
        pytest.param((True, False), id="PostgreSQL to SQLite", marks=on_postgres),
        pytest.param((True, True), id="PostgreSQL to PostgreSQL", marks=on_postgres),
    ]
)
def restored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[World, LiveServer]]:
    first, second = request.param
    origin = world(tmp_path, cluster=first)
    target = place(tmp_path / "target", origin.server, cluster=second)
    try:
        origin.server.stop()
        restore(origin.back_up, origin.server, target)
        yield origin, target
    finally:
        origin.server.close()
        target.close()


def test_people_log_in_by_name_and_by_address_and_their_devices_are_known(
    restored: tuple[World, LiveServer],
) -> None:
    origin, target = restored
    target.start()
    for person in origin.people:
        wire = moved(person, target)
        # A device that is known and active gets a full token at once.
        assert person.handset.log_in(person.email.upper()).expect(200).json["state"] == "active"
        assert person.handset.call("GET", "me").expect(200).json["email"] == person.email
        assert person.handset.log_in(person.username).expect(200).json["state"] == "active"
        newcomer = person.new_handset("newcomer")
        assert newcomer.log_in().expect(200).json["state"] == "pending"
        newcomer.activate().expect(200)
        listed = person.handset.call("GET", "devices").expect(200).json["results"]
        assert {person.handset.hash, newcomer.hash} <= {device["device"] for device in listed}
        wire.close()


def test_somebody_new_registers_where_numbers_are_given_out_by_the_database(
    restored: tuple[World, LiveServer],
) -> None:
    _, target = restored
    target.start()
    wire = LiveWire(target.url, target.origin)
    somebody = Person(wire)
    somebody.register().expect(201)
    somebody.handset.ask_challenge("key").expect(200)
    wire.close()


def test_a_back_up_of_the_restored_server_has_what_the_first_one_has(
    restored: tuple[World, LiveServer], tmp_path: Path
) -> None:
    origin, target = restored
    second = tmp_path / "second.hvx"
    target.manage("backup", str(second))
    third = place(tmp_path / "third", origin.server)
    restore(second, target, third)
    third.start()
    person = origin.people[1]
    wire = moved(person, third)
    assert person.handset.log_in().expect(200).json["state"] == "active"
    wire.close()
    third.close()

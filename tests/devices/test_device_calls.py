"""`GET devices`, `GET`/`PATCH devices/{device}`: one's own devices and nobody else's."""

from base64 import b64encode
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from devices.models import Device, DeviceKind, DeviceState
from tests.people import Person, b64url

NOT_FOUND = (404, "unknown_device")


def listed(person: Person, query: str = "") -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = person.handset.call("GET", "devices" + query).expect(200).json["results"]
    return results


@pytest.fixture
def stranger(person: Person) -> Person:
    other = Person(person.wire)
    other.register().expect(201)
    return other


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_another_accounts_device_does_not_exist(person: Person, stranger: Person, method: str) -> None:
    path = f"devices/{stranger.handset.hash}"
    assert person.handset.call(method, path, {"name": "mine now"}).refusal == NOT_FOUND
    assert Device.objects.get(hash=stranger.handset.hash).name == "first"


@pytest.mark.parametrize(
    "device", ["x", b64url(bytes(32)), "%00", "a" * 5000, "%F0%9F%98%80", "%FF", "..%2F..", "%ED%A0%80"]
)
@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("PATCH", ""), ("POST", "/revoke")])
def test_what_is_no_device_does_not_exist(person: Person, device: str, method: str, tail: str) -> None:
    body = None if method == "GET" else {"name": "x"}
    answer = person.handset.call(method, f"devices/{device}{tail}", body, proof=False)
    if tail:
        proof = person.handset.proof(method, f"/api/hvx/v1/devices/{device}/revoke")
        answer = person.handset.call(method, f"devices/{device}{tail}", {}, proof=proof)
        assert answer.status in (401, 404)  # a path that is escaped is not the proof's address
        assert answer.code in ("unknown_device", "not_found", "invalid_dpop_proof")
    else:
        assert answer.status == 404
        assert answer.code in ("unknown_device", "not_found")


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        " ",
        7,
        True,
        ["x"],
        {"x": 1},
        "x" * 65,
        "a\nb",
        "a\x00b",
        "a\u202eb",
        "a\u2067b",
        "a\u2028b",
        "\x1b[2J",
    ],
)
def test_a_name_is_refused(person: Person, name: object) -> None:
    path = f"devices/{person.handset.hash}"
    answer = person.handset.call("PATCH", path, {"name": name})
    assert answer.refusal == (422, "invalid_fields")
    assert "name" in answer.json["errors"]
    assert Device.objects.get(hash=person.handset.hash).name == "first"


def test_a_device_is_renamed(person: Person) -> None:
    path = f"devices/{person.handset.hash}"
    for name in ("Küche", "x" * 64, "日本語"):
        assert person.handset.call("PATCH", path, {"name": name}).expect(200).json["name"] == name
    assert person.handset.call("GET", path).expect(200).json["name"] == "日本語"


def test_a_listed_device_shows_kind_state_names_and_times(person: Person) -> None:
    [shown] = listed(person)
    assert shown.keys() == {
        "device", "kind", "state", "name", "platform", "created_at", "certified_at", "last_seen_at",
        "scopes", "expires_at", "ended", "ended_at", "online", "current",
    }  # fmt: skip
    assert (shown["device"], shown["kind"], shown["state"]) == (person.handset.hash, "device", "active")
    assert (shown["name"], shown["platform"]) == ("first", "tests")
    assert (shown["scopes"], shown["expires_at"]) == ([], None)
    assert (shown["ended"], shown["ended_at"]) == (None, None)
    assert (shown["online"], shown["current"]) == (False, True)
    for name in ("created_at", "certified_at", "last_seen_at"):
        assert shown[name].endswith("Z")
        assert datetime.fromisoformat(shown[name]).utcoffset() is not None


def test_pending_devices_apps_and_access_keys_are_listed(person: Person) -> None:
    person.new_handset().log_in().expect(200)
    for kind in (DeviceKind.APP, DeviceKind.ACCESS_KEY):
        Device.objects.create(
            account_id=person.id,
            kind=kind,
            state=DeviceState.ACTIVE,
            hash=b64url(kind.encode().ljust(32)),
            name=f"a {kind}",
            last_seen_at=Device.objects.get(hash=person.handset.hash).last_seen_at,
        )
    assert [(one["kind"], one["state"], one["current"]) for one in listed(person)] == [
        ("device", "active", True),
        ("device", "pending", False),
        ("app", "active", False),
        ("access_key", "active", False),
    ]


def test_ended_devices_are_listed_only_when_asked_for(person: Person) -> None:
    phone = person.certified_handset()
    person.handset.revoke(phone).expect(200)
    assert [one["device"] for one in listed(person)] == [person.handset.hash]
    shown = {one["device"]: one for one in listed(person, "?ended=true")}
    assert shown[phone.hash]["state"] == "ended"
    assert shown[phone.hash]["ended"] == "revoked"
    assert shown[phone.hash]["ended_at"].endswith("Z")


# --- Pages ----------------------------------------------------------------------------------------


def test_pages_follow_each_other_both_ways_and_their_addresses_begin_with_the_origin(person: Person) -> None:
    for number in range(4):
        person.new_handset(f"pending {number}").log_in().expect(200)
    whole = [one["device"] for one in listed(person)]
    assert len(whole) == 5

    path, sizes, found = "/api/hvx/v1/devices?limit=2", [], []
    headers = {"Host": "evil.example"}
    for _ in range(3):
        page = person.handset.call("GET", path, headers=headers).expect(200).json
        sizes.append(len(page["results"]))
        found += [one["device"] for one in page["results"]]
        if page["next"]:
            assert page["next"].startswith(person.wire.origin + "/api/hvx/v1/devices?")
            path = "{0.path}?{0.query}".format(urlsplit(page["next"]))
    assert page["next"] is None
    assert found == whole
    assert sizes == [2, 2, 1]
    back = urlsplit(page["previous"])
    page = person.handset.call("GET", f"{back.path}?{back.query}").expect(200).json
    assert [one["device"] for one in page["results"]] == whole[2:4]


@pytest.mark.parametrize("limit", ["0", "-1", "x", "", "1e3", "99999999999999999999"])
def test_a_limit_that_is_none_is_passed_over(person: Person, limit: str) -> None:
    assert len(listed(person, f"?limit={limit}")) == 1


@pytest.mark.parametrize(
    "place",
    ["p=x", "p=2026", "p=%00", "p=1&r=1", "p=2026-01-01%2000:00:00%2B99:00", "o=x", "p=%ED%A0%80"],
)
def test_a_cursor_of_somebodys_making_shows_no_more_than_ones_own(person: Person, place: str) -> None:
    cursor = quote(b64encode(place.encode()).decode())
    for path in ("devices", f"accounts/{person.username}/devices"):
        answer = person.handset.call("GET", f"{path}?cursor={cursor}")
        if answer.status == 200:
            assert {one["device"] for one in answer.json["results"]} <= {person.handset.hash}
        else:
            assert answer.refusal == (400, "cursor_invalid")


@pytest.mark.parametrize("cursor", ["x", "////", "ä"])
def test_what_is_no_cursor_is_refused(person: Person, cursor: str) -> None:
    for path in ("devices", f"accounts/{person.username}/devices"):
        answer = person.handset.call("GET", f"{path}?cursor={cursor}")
        assert answer.refusal == (400, "cursor_invalid")


def test_no_page_is_longer_than_200(person: Person) -> None:
    seen = Device.objects.get().last_seen_at
    Device.objects.bulk_create(
        Device(
            account_id=person.id,
            kind=DeviceKind.APP,
            hash=b64url(number.to_bytes(32, "big")),
            last_seen_at=seen,
        )
        for number in range(205)
    )
    assert len(listed(person, "?limit=1000")) == 200
    assert len(listed(person)) == 50

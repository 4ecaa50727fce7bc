"""`verify` against a server that adds devices, takes them away, or swaps keys."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from client.api import Api
from client.gnupg import Home, throwaway_home
from client.protocol.encoding import b64url
from client.protocol.side import Identity
from client.protocol.statements import DeviceStatement, key_transition
from client.verification import Report, verify_account
from tests.client.pair import ACCOUNT, ORIGIN, identity, seed

pytestmark = pytest.mark.needs("gnupg")


@dataclass
class Registry:
    """A server that publishes what it is told to, true or not."""

    home: Home
    key: str
    devices: list[dict[str, Any]] = field(default_factory=list)
    transitions: list[dict[str, Any]] = field(default_factory=list)
    published_key: str | None = None

    def statement(
        self, who: Identity, key: str | None = None, challenge: bytes | None = None
    ) -> DeviceStatement:
        return DeviceStatement(
            ORIGIN, ACCOUNT, key or self.key, who.device, who.public_key, challenge or who.challenge
        )

    def add(self, label: str, *, key: str | None = None, signer: str | None = None) -> dict[str, Any]:
        """A device certified by `signer`, in a statement that names `key`."""
        who = identity(label)
        text = self.statement(who, key).certificate()
        row = {
            "device": who.device,
            "device_key": b64url(who.public_key),
            "challenge": b64url(who.challenge),
            "certificate": self.home.sign(signer or key or self.key, text),
            "revocation": None,
            "revocation_challenge": None,
            "ended": None,
        }
        self.devices.append(row)
        return row

    def revoke(self, row: dict[str, Any], label: str, signer: str) -> None:
        """A revocation of the device by `signer`."""
        challenge = seed(f"revocation {label}")
        text = self.statement(identity(label), challenge=challenge).revocation()
        row |= {
            "revocation": self.home.sign(signer, text),
            "revocation_challenge": b64url(challenge),
            "ended": "revoked",
        }

    def pass_on(self, old: str, new: str, *signers: str) -> None:
        """A transition from the key `old` to `new`."""
        text = key_transition(ORIGIN, ACCOUNT, old, new, seed("transition"))
        self.transitions.append(
            {
                "key": old,
                "new_key": new,
                "challenge": b64url(seed("transition")),
                "public_key": self.home.give_public(old),
                "transition": "\n".join(self.home.sign(signer, text) for signer in signers),
            }
        )

    def report(self, fingerprint: str | None = None) -> Report:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/devices"):
                return httpx.Response(200, json={"results": self.devices, "next": None})
            return httpx.Response(
                200,
                json={
                    "fingerprint": self.published_key or self.key,
                    "public_key": self.home.give_public(self.key),
                    "transitions": self.transitions,
                },
            )

        return verify_account(Api(ORIGIN, transport=httpx.MockTransport(answer)), "alice", fingerprint)


@pytest.fixture
def registry() -> Iterator[Registry]:
    with throwaway_home() as home:
        yield Registry(home, home.make_key(ACCOUNT))


def _bad(report: Report) -> list[str]:
    return [finding.what for finding in report.findings if not finding.good]


def test_a_device_that_the_server_added_is_noticed(registry: Registry) -> None:
    registry.add("true")
    stranger = registry.home.make_key("mallory")
    registry.add("added", signer=stranger)
    assert _bad(registry.report()) == ["no certificate by the account key: not a device of its owner"]


def test_a_certificate_moved_to_another_device_is_noticed(registry: Registry) -> None:
    first, second = registry.add("first"), registry.add("second")
    second["certificate"] = first["certificate"]
    assert len(_bad(registry.report())) == 1


def test_a_device_key_swapped_under_its_hash_is_noticed(registry: Registry) -> None:
    row = registry.add("true")
    row["device_key"] = b64url(identity("mallory").public_key)
    assert _bad(registry.report()) == ["device hash does not fit its key and challenge"]


def test_a_device_that_the_server_took_away_is_noticed(registry: Registry) -> None:
    row = registry.add("true")
    registry.revoke(row, "true", registry.home.make_key("mallory"))
    [bad] = _bad(registry.report())
    assert bad.endswith("its revocation does not hold: the server took it away")


def test_a_revocation_of_another_device_is_noticed(registry: Registry) -> None:
    first, second = registry.add("first"), registry.add("second")
    registry.revoke(first, "first", registry.key)
    second |= {name: first[name] for name in ("revocation", "revocation_challenge", "ended")}
    assert len(_bad(registry.report())) == 1


def test_another_key_than_the_users_is_noticed(registry: Registry) -> None:
    registry.add("true")
    other = "0" * 40
    assert _bad(registry.report(fingerprint=other)) == ["account key is another one"]
    registry.published_key = other
    assert _bad(registry.report()) == ["account key is another one"]


def test_an_earlier_key_without_both_signatures_is_noticed(registry: Registry) -> None:
    old = registry.home.make_key("earlier")
    registry.pass_on(old, registry.key, registry.key)
    assert _bad(registry.report()) == ["earlier account key without both signatures"]


def test_an_earlier_key_that_leads_nowhere_is_noticed(registry: Registry) -> None:
    old, lost = registry.home.make_key("earlier"), registry.home.make_key("lost")
    registry.pass_on(old, lost, old, lost)
    assert _bad(registry.report()) == ["earlier account key that leads to none of the account's"]


def test_a_device_certified_by_an_earlier_key_alone_is_a_device_no_more(registry: Registry) -> None:
    old = registry.home.make_key("earlier")
    registry.pass_on(old, registry.key, old, registry.key)
    registry.add("left behind", key=old)
    assert _bad(registry.report()) == ["no certificate by the account key: not a device of its owner"]


def test_an_account_as_its_owner_left_it_holds(registry: Registry) -> None:
    old = registry.home.make_key("earlier")
    registry.pass_on(old, registry.key, old, registry.key)
    registry.add("true")
    registry.add("ended before the key changed", key=old)["ended"] = "idle"
    row = registry.add("lost")
    registry.revoke(row, "lost", registry.key)
    spaced = " ".join(registry.key[at : at + 4] for at in range(0, 40, 4)).lower()
    report = registry.report(fingerprint=spaced)
    assert report.good, report.findings
    assert report.account == ACCOUNT
    assert report.fingerprint == registry.key
    whats = [finding.what for finding in report.findings]
    # One for each device, behind the account's two keys.
    certified = "device, certified by the account key"
    assert sorted(whats[2:]) == [
        certified,
        f"{certified}, ended without a revocation, on the server's word",
        f"{certified}, revoked by the account key",
    ]

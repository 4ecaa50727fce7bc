"""A server of ours and a Fedify one, whose people follow each other, in either scheme of signatures."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.peers.fedify_peer import CAVAGE, RFC9421, FedifyPeer, Fedizen
from tests.peers.home import Citizen, Home


@dataclass(frozen=True)
class Met:
    """Alice is of `home` and bob of `peer`, which takes and sends one scheme of signatures, and no other."""

    home: Home
    peer: FedifyPeer
    scheme: str
    alice: Citizen
    bob: Fedizen

    def says(self, kind: str, about: object, **members: object) -> str:
        """Bob tells alice's server of an activity; its id, once it has been worked through with effect."""
        uri = self.bob.say(self.alice.uri, self.bob.activity(kind, about, **members))
        assert self.home.outcome(uri) == "done"
        return uri


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with Home(tmp_path_factory.mktemp("home")) as home:
        yield home


@pytest.fixture(scope="session", params=[CAVAGE, RFC9421])
def met(request: pytest.FixtureRequest, home: Home) -> Iterator[Met]:
    with FedifyPeer(knocks=request.param) as peer:
        peer.demand(request.param)
        met = Met(home, peer, request.param, home.newcomer(), peer.actor("bob"))
        befriend(met.alice, met.bob)
        yield met


def befriend(alice: Citizen, bob: Fedizen) -> None:
    """Have the two follow each other."""
    follow = bob.say(alice.uri, bob.activity("Follow", alice.uri))
    bob.peer.hears(type="Accept", about=follow)
    asked = alice.publish("Follow", bob.uri)
    bob.peer.hears(id=asked["id"])
    accept = bob.say(alice.uri, bob.activity("Accept", asked["id"]))
    assert alice.home.outcome(accept) == "done"

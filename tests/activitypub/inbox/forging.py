"""What the tests of forged requests share: who there is, and that a refusal leaves nothing behind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import Model

from activitypub.models import Actor, ActorKey, Received
from activitypub.protocol.signatures.messages import SignedRequest
from hvx.inboxes import Inboxes
from tests.activitypub.fetching.peer import Peer
from tests.activitypub.senders import Sender, ask

Refusal = tuple[int, str]


@dataclass(frozen=True)
class World:
    """Honest bob and eve on one server, mallory on another."""

    bob: Sender
    eve: Sender
    mallory: Sender

    @property
    def near(self) -> Peer:
        return self.bob.peer

    @property
    def far(self) -> Peer:
        return self.mallory.peer


Forgery = Callable[[World], SignedRequest]
Forgeries = Mapping[str, tuple[Forgery, Refusal]]


def with_header(request: SignedRequest, name: str, *values: str) -> SignedRequest:
    kept = tuple(line for line in request.headers if line[0].lower() != name.lower())
    return replace(request, headers=(*kept, *((name, value) for value in values)))


def header_of(request: SignedRequest, name: str) -> str:
    return request.fields[name.lower()][0]


@sync_to_async
def _state() -> dict[str, list[dict[str, Any]]]:
    return {model.__name__: _rows(model) for model in (Received, Actor, ActorKey)}


def _rows(model: type[Model]) -> list[dict[str, Any]]:
    rows = [dict(row) for row in model._default_manager.order_by("pk").values()]
    for row in rows:
        # Whoever's signature fails may be fetched once more, and be the same.
        row.pop("fetched_at", None)
    return rows


async def require_refusals(inboxes: Inboxes, world: World, forgeries: Forgeries) -> None:
    """Each forgery is refused for its reason. No activity is kept, and no actor or key changed that was
    known; whom a request names may be learned of.

    All of them run on one database, since each has to leave it as it was.
    """
    for honest in (world.bob, world.eve, world.mallory):
        assert (await ask(inboxes, honest.post())).status == 202
    before = await _state()
    for name, (forge, (expected, word)) in forgeries.items():
        answer = await ask(inboxes, forge(world))
        problem = answer.problem
        assert (name, answer.status, problem.get("reason", problem["code"])) == (name, expected, word)
    after = await _state()
    assert after["Received"] == before["Received"]
    for kept, rows in before.items():
        assert [row for row in after[kept] if row in rows] == rows

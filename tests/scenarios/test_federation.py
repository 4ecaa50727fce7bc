"""Two servers and their people, over real sockets."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.live import LiveServer
from tests.people import LiveWire, Person

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
PATIENCE = 30.0


class Neighbour:
    """A server, and somebody of it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.server = LiveServer(folder, env={"HVX_FEDERATION_ALLOW_PRIVATE": "true"})

    def settle(self) -> None:
        self.wire = LiveWire(self.server.url, self.server.origin)
        self.person = Person(self.wire)
        self.person.register().expect(201)
        self.uri = f"{self.server.origin}/users/{self.person.username}"

    def publish(self, body: dict[str, Any]) -> dict[str, Any]:
        """What became of an activity posted to the person's outbox."""
        path = f"/users/{self.person.username}/outbox"
        activity: dict[str, Any] = self.person.handset.call("POST", path, body).expect(201).json
        return activity

    def asked(self, expression: str) -> Any:
        """The value of an expression over the server's rows."""
        lines = "import json", "from activitypub.models import *", f"print(json.dumps({expression}))"
        return json.loads(self.server.manage("shell", "--no-imports", "-c", "\n".join(lines)))

    def becomes(self, expression: str, value: Any) -> None:
        """Wait until an expression has a value; deliveries take their moment."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.asked(expression)) != value:
            assert time.monotonic() < deadline, f"{expression} is {found!r}, not {value!r}"


@pytest.fixture
def neighbours(tmp_path: Path) -> Iterator[tuple[Neighbour, Neighbour]]:
    one, other = Neighbour(tmp_path / "one"), Neighbour(tmp_path / "other")
    with ExitStack() as running:
        for neighbour in (one, other):
            running.enter_context(neighbour.server)
            neighbour.settle()
            running.callback(neighbour.wire.close)
        yield one, other


def test_people_of_two_servers_follow_write_answer_like_boost_edit_and_delete(
    neighbours: tuple[Neighbour, Neighbour],
) -> None:
    one, other = neighbours
    accepted = "Follow.objects.filter(state='accepted').count()"
    other.publish({"type": "Follow", "object": one.uri})
    one.becomes(accepted, 1)
    other.becomes(accepted, 1)

    note = {
        "type": "Note",
        "content": "<p>good <b>morning</b></p>",
        "to": [PUBLIC],
        "cc": [f"{one.uri}/followers"],
    }
    uri = one.publish(note)["object"]["id"]
    written = f"Post.objects.filter(uri={uri!r})"
    other.becomes(f"list({written}.values_list('content', flat=True))", ["<p>good <b>morning</b></p>"])

    answer = {
        "type": "Note",
        "content": "<p>and to you</p>",
        "inReplyTo": uri,
        "to": [PUBLIC],
        "cc": [one.uri],
    }
    answered = other.publish(answer)["object"]["id"]
    liked = other.publish({"type": "Like", "object": uri})
    other.publish({"type": "Announce", "object": uri, "to": [PUBLIC], "cc": [one.uri]})
    counted = f"list({written}.values_list('replies_count', 'likes_count', 'boosts_count').get())"
    one.becomes(counted, [1, 1, 1])
    assert one.asked(f"Post.objects.get(uri={answered!r}).in_reply_to.uri") == uri

    other.publish({"type": "Undo", "object": liked["id"]})
    one.becomes(counted, [1, 0, 1])

    one.publish({"type": "Update", "object": {**note, "id": uri, "content": "<p>good evening</p>"}})
    other.becomes(f"{written}.get().content", "<p>good evening</p>")

    one.publish({"type": "Delete", "object": uri})
    other.becomes(f"{written}.count()", 0)

    other.publish({"type": "Undo", "object": {"type": "Follow", "object": one.uri}})
    one.becomes("Follow.objects.count()", 0)
    assert one.asked("Delivery.objects.count()") == other.asked("Delivery.objects.count()") == 0

"""A server of ours that other programs speak with, and a way to ask for its rows."""

import json
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.live import MANAGE, REPOSITORY, LiveServer
from tests.people import LiveWire, Person

PATIENCE = 45.0
# One process answers all questions: to start one takes longer than a whole delivery.
_ANSWERING = """
import hashlib, json, sys
from activitypub.models import *
from activitypub.models.moderation import *
for question in sys.stdin:
    print(json.dumps(eval(question)), flush=True)
"""


class Home:
    """A running server of ours, whose people write from outside and whose rows can be asked for."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.server = LiveServer(folder, env={"HVX_FEDERATION_ALLOW_PRIVATE": "true", **(env or {})})
        self.origin = self.server.origin
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as running:
            running.enter_context(self.server)
            self._questions = subprocess.Popen(
                [*MANAGE, "shell", "--no-imports", "-c", _ANSWERING],
                env=self.server.env,
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            running.enter_context(self._questions)
            self._running = running.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Popen's own end closes the pipe first, at which the one who answers ends.
        self._running.close()

    def asked(self, expression: str) -> Any:
        """The value of an expression over the server's rows."""
        assert self._questions.stdin is not None
        assert self._questions.stdout is not None
        self._questions.stdin.write(f"{expression}\n")
        self._questions.stdin.flush()
        answer = self._questions.stdout.readline()
        assert answer, f"no answer to {expression}"
        return json.loads(answer)

    def becomes(self, expression: str, value: Any) -> None:
        """Wait until an expression has a value: what comes in is worked through after its 202."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.asked(expression)) != value:
            assert time.monotonic() < deadline, f"{expression} is {found!r}, not {value!r}"
            time.sleep(0.02)

    def outcome(self, activity: str) -> str:
        """What came of an activity that was sent here, once it has been worked through."""
        digest = f"hashlib.sha256({activity!r}.encode()).digest()"
        row = f"Received.objects.filter(digest={digest}).exclude(outcome='')"
        self.becomes(f"{row}.exists()", True)
        return str(self.asked(f"{row}.get().outcome"))

    def newcomer(self) -> "Citizen":
        """Somebody who has just registered."""
        wire = LiveWire(self.server.url, self.origin)
        self._running.callback(wire.close)
        return Citizen(self, wire)


class Citizen:
    """Somebody of this server, who writes by ActivityPub."""

    def __init__(self, home: Home, wire: LiveWire) -> None:
        self.home = home
        self.person = Person(wire)
        self.person.register().expect(201)
        self.name = self.person.username
        self.uri = f"{home.origin}/users/{self.name}"

    def publish(self, kind: str, about: Any, **members: Any) -> dict[str, Any]:
        """What became of an activity posted to the person's outbox."""
        body = {"type": kind, "object": about, **members}
        answer = self.person.handset.call("POST", f"/users/{self.name}/outbox", body)
        activity: dict[str, Any] = answer.expect(201).json
        return activity

    def leave(self) -> None:
        """Have the account erased."""
        self.person.handset.call("DELETE", "me", {"password": self.person.password}).expect(204)

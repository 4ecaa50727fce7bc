"""Who is next: activities that wait, each actor's in the order in which they came.

Kept in memory alone. What it forgets is read again, since the rows say what waits.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

# So many are kept in all, of one host and of one actor: who sends much, and is waited for, leaves room for
# others.
MOST: Final = 8192
MOST_OF_HOST: Final = 2048
MOST_OF_ONE: Final = 128


@dataclass(frozen=True, slots=True)
class Job:
    """An activity that waits: its row's id, and the id of the actor that sent it."""

    id: int
    actor: str


class Line:
    """Of each actor the oldest that wait, without gaps. Of every actor at most one is out at a time, but
    for those that are taken together."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Job]] = {}
        self._turns: deque[str] = deque()
        self._ids: set[int] = set()
        self._of_host: Counter[str] = Counter()
        self._left_out: set[str] = set()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def has_room(self) -> bool:
        return len(self._ids) < MOST

    @property
    def has_left_out(self) -> bool:
        """Whether something that waits was not taken in since `begin`."""
        return bool(self._left_out)

    def begin(self) -> None:
        """What is added from now on has been read from the very first that waits."""
        self._left_out.clear()

    def add(self, jobs: Iterable[Job]) -> None:
        """Take in what was read, in the order of ids. Of an actor of whom one was left out, all later ones
        are, or they would overtake it."""
        for job in jobs:
            if job.id in self._ids or job.actor in self._left_out:
                continue
            own = self._waiting.get(job.actor)
            host = _host(job.actor)
            full = not self.has_room or self._of_host[host] >= MOST_OF_HOST
            if full or (own is not None and len(own) >= MOST_OF_ONE):
                self._left_out.add(job.actor)
                continue
            if own is None:
                own = self._waiting[job.actor] = deque()
                self._turns.append(job.actor)
            own.append(job)
            self._ids.add(job.id)
            self._of_host[host] += 1

    def take(self, most: int) -> Sequence[Job]:
        """The next ones, several of an actor in their order. Their actors have no turn before `settle`."""
        taken: list[Job] = []
        while self._turns and len(taken) < most:
            actor = self._turns.popleft()
            taken += list(self._waiting[actor])[: most - len(taken)]
        return taken

    def settle(self, actor: str, ended: Iterable[int], *, turn: bool) -> None:
        """These of an actor's need nothing more. Without `turn` the actor waits until it is settled again."""
        own = self._waiting[actor]
        gone = self._ids & set(ended)
        self._ids -= gone
        if gone:
            self._leave(_host(actor), len(gone))
        left = deque(job for job in own if job.id not in gone) if gone else own
        if not left:
            del self._waiting[actor]
            return
        self._waiting[actor] = left
        if turn:
            self._turns.append(actor)

    def _leave(self, host: str, count: int) -> None:
        self._of_host[host] -= count
        if self._of_host[host] <= 0:
            del self._of_host[host]


def _host(actor: str) -> str:
    """What stands between the second slash of an id and the third: counted, and not judged."""
    return actor.split("/", 3)[2] if actor.count("/") >= 2 else ""

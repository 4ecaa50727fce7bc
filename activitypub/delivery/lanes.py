"""Who goes next: so many at once for a host, and what one actor tells one inbox in its order.

A host that does not answer fills its own lane and nobody else's.
"""

from collections import Counter, deque

from activitypub.delivery.jobs import Job

# Under way, or answered and not written down yet: as many are sent again at most when this process dies.
AT_ONCE = 256
# For hosts of which it is not known that they answer: those that do always have the other places.
AT_ONCE_IN_DOUBT = 192
# Fewer than the connections that a session keeps for a host (activitypub.fetching.guard).
AT_ONCE_FOR_A_HOST = 6
HELD_FOR_A_HOST = 32
# Of a host that was not heard of yet, and of one whose last attempt failed. Both have one at once.
HELD_AT_FIRST = 4
HELD_AFTER_FAILURE = 1


class Lanes:
    """Jobs that wait or are under way, by host; used in one loop.

    A host has one job at a time until it answers, and again when it fails: those that hang take no more
    places than there are of them.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Job]] = {}
        self._under_way: Counter[str] = Counter()
        # Of an actor and an inbox only one is under way, so that a Delete does not overtake its Create.
        self._pairs: set[tuple[int, str]] = set()
        # Whether a host has answered when it was last attempted.
        self._answered: dict[str, bool] = {}
        # Under way to hosts that had not answered when they began.
        self._in_doubt: set[Job] = set()
        self.held = 0
        self.under_way = 0
        # Answered, and not written down yet.
        self.unwritten = 0

    def room(self, host: str) -> int:
        """How many more jobs of this host are held."""
        return self._most(host) - len(self._waiting.get(host, ())) - self._under_way[host]

    def is_full(self, host: str) -> bool:
        """Whether no more of it is to be asked for: not for each one that ends, but for many at once."""
        return 2 * self.room(host) < self._most(host)

    def full(self) -> set[str]:
        """Hosts of which no more is to be asked for."""
        return {host for host in self._waiting.keys() | self._under_way.keys() if self.is_full(host)}

    def add(self, job: Job) -> None:
        self._waiting.setdefault(job.host, deque()).append(job)
        self.held += 1

    def take(self) -> list[Job]:
        """Those that may begin now, which are then under way; of each host a few, in turn."""
        taken: list[Job] = []
        free = AT_ONCE - self.under_way - self.unwritten
        for host in list(self._waiting):
            if len(taken) >= free:
                break
            room, doubtful = free - len(taken), not self._answered.get(host)
            if doubtful:
                room = min(room, AT_ONCE_IN_DOUBT - len(self._in_doubt))
            if room <= 0:
                continue
            # Behind all others the next time.
            queue = self._waiting.pop(host)
            jobs = self._from(host, queue, room)
            taken += jobs
            if doubtful:
                self._in_doubt.update(jobs)
            if queue:
                self._waiting[host] = queue
        return taken

    def done(self, job: Job, *, answered: bool) -> None:
        """A job is under way no more. `answered` is whether its host is well."""
        self.forget(job)
        self._answered[job.host] = answered

    def forget(self, job: Job) -> None:
        """A job is under way no more, and nothing was learned of its host."""
        self._in_doubt.discard(job)
        self.under_way -= 1
        self.held -= 1
        self._under_way[job.host] -= 1
        if not self._under_way[job.host]:
            del self._under_way[job.host]
        self._pairs.remove((job.activity.actor_id, job.inbox))

    def pull(self, host: str, inbox: str) -> list[Job]:
        """Take out what has not begun of an inbox."""
        queue = self._waiting.pop(host, deque())
        pulled = [job for job in queue if job.inbox == inbox]
        if len(pulled) < len(queue):
            self._waiting[host] = deque(job for job in queue if job.inbox != inbox)
        self.held -= len(pulled)
        return pulled

    def empty(self) -> list[Job]:
        """Take out all that have not begun."""
        left = [job for queue in self._waiting.values() for job in queue]
        self._waiting.clear()
        self.held -= len(left)
        return left

    def _most(self, host: str) -> int:
        answered = self._answered.get(host)
        if answered is None:
            return HELD_AT_FIRST
        return HELD_FOR_A_HOST if answered else HELD_AFTER_FAILURE

    def _from(self, host: str, queue: deque[Job], free: int) -> list[Job]:
        most = AT_ONCE_FOR_A_HOST if self._answered.get(host) else 1
        free = min(free, most - self._under_way[host])
        taken: list[Job] = []
        passed_over: list[Job] = []
        while queue and len(taken) < free:
            job = queue.popleft()
            pair = (job.activity.actor_id, job.inbox)
            if pair in self._pairs:
                passed_over.append(job)
                continue
            self._pairs.add(pair)
            taken.append(job)
        queue.extendleft(reversed(passed_over))
        if taken:
            self._under_way[host] += len(taken)
            self.under_way += len(taken)
        return taken

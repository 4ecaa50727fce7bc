"""One attempt at a delivery: signed, posted, and knocked a second time where the signature is not liked."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime
from typing import Final

import aiohttp

from activitypub.delivery.jobs import Attempt, Fault, Job, SigningKey
from activitypub.delivery.posting import SECONDS, Answer, post
from activitypub.delivery.signing import SignedPost, signed
from activitypub.fetching.errors import Refused
from activitypub.fetching.knocking import OTHER, UNLIKED
from activitypub.protocol.retry import Outcome, outcome, retry_after
from activitypub.protocol.signatures.policy import Scheme
from activitypub.protocol.signatures.reasons import SignatureError

# Trying again would change nothing.
_FINAL: Final = frozenset({Fault.BAD_URL, Fault.ADDRESS_FORBIDDEN})


class Sender:
    """Makes attempts in one loop. `executor` has threads that sign."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        executor: Executor,
        *,
        plain_http: bool,
        clock: Callable[[], datetime],
        seconds: float = SECONDS,
    ) -> None:
        self._session = session
        self._executor = executor
        self._plain_http = plain_http
        self._clock = clock
        self._seconds = seconds

    async def sign(self, jobs: list[Job]) -> list[SignedPost | Fault]:
        """Sign these at once, each by what its host took last."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._sign_all, jobs)

    async def attempt(self, job: Job, first: SignedPost | Fault) -> Attempt:
        """Post it, and again where the signature is refused: by the actor's key of now, where the one before
        it signed, and by the other scheme."""
        answer = await self._post(first)
        if job.activity.before is not None and _unliked(answer):
            answer = await self._again(job, job.scheme)
        if _unliked(answer):
            again = await self._again(job, OTHER[job.scheme])
            # Where neither is taken, the first answer is what the host thinks of the activity.
            if isinstance(again, Answer) and outcome(again.status) is Outcome.DELIVERED:
                return self._judged(job, again, OTHER[job.scheme])
        return self._judged(job, answer, job.scheme)

    def _judged(self, job: Job, answer: Answer | Fault, scheme: Scheme) -> Attempt:
        if isinstance(answer, Fault):
            return Attempt(job, Outcome.STOP if answer in _FINAL else Outcome.RETRY, answer.value)
        came = outcome(answer.status)
        return Attempt(
            job,
            came,
            f"http_{answer.status}",
            retry_after(answer.retry_after, self._clock()) if came is Outcome.RETRY else None,
            scheme if came is Outcome.DELIVERED else None,
        )

    async def _again(self, job: Job, scheme: Scheme) -> Answer | Fault:
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self._executor, self._sign, job, scheme, job.activity.key)
        return await self._post(made)

    async def _post(self, what: SignedPost | Fault) -> Answer | Fault:
        return what if isinstance(what, Fault) else await post(self._session, what, seconds=self._seconds)

    def _sign_all(self, jobs: list[Job]) -> list[SignedPost | Fault]:
        return [self._sign(job, job.scheme, job.activity.before or job.activity.key) for job in jobs]

    def _sign(self, job: Job, scheme: Scheme, key: SigningKey) -> SignedPost | Fault:
        try:
            return signed(job, scheme, key, plain_http=self._plain_http)
        except (Refused, SignatureError):
            return Fault.BAD_URL


def _unliked(answer: Answer | Fault) -> bool:
    return isinstance(answer, Answer) and answer.status in UNLIKED

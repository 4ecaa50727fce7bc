"""Where Django keeps the sessions of operators: rows of ours, found by the digest of their cookie.

There are no others: who has not signed in has no session, and nothing is kept of them.
"""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Operator, OperatorSession

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
# Written at most so often while somebody reads.
SEEN_EVERY = timedelta(minutes=1)

OPERATOR = "operator"


class SessionStore(SessionBase):
    """One request's session. `begin` makes it; its key is drawn here and known to the browser alone."""

    _operator: Operator | None = None

    def begin(self, operator: Operator) -> None:
        """Sign this operator in, by a new key: one that was planted in the browser before opens nothing."""
        self.flush()
        self._session_key = secrets.token_urlsafe(32)
        self._operator = operator
        self[OPERATOR] = str(operator.pk)
        self.save(must_create=True)

    @property
    def operator(self) -> Operator | None:
        """Who is signed in."""
        return self._operator if self.get(OPERATOR) else None

    def load(self) -> dict[str, Any]:
        row = _of_key(self.session_key).select_related("operator").first() if self.session_key else None
        if row is None:
            self._session_key = None
            return {}
        self._operator = row.operator
        now = timezone.now()
        if now - row.seen_at > SEEN_EVERY:
            OperatorSession.objects.filter(pk=row.pk).update(seen_at=now)
        return {**row.kept, OPERATOR: str(row.operator_id)}

    def save(self, must_create: bool = False) -> None:
        held = dict(self.items())
        operator, now = held.pop(OPERATOR, None), timezone.now()
        if operator is None or self.session_key is None:
            raise CreateError("only an operator has a session")
        if must_create:
            OperatorSession.objects.create(
                operator_id=operator, digest=_digest(self.session_key), kept=held, began_at=now, seen_at=now
            )
        elif not OperatorSession.objects.filter(digest=_digest(self.session_key)).update(
            kept=held, seen_at=now
        ):
            raise UpdateError

    def exists(self, session_key: str) -> bool:
        return _of_key(session_key).exists()

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            OperatorSession.objects.filter(digest=_digest(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        """Delete those that are over."""
        now = timezone.now()
        OperatorSession.objects.exclude(seen_at__gt=now - IDLE, began_at__gt=now - LONGEST).delete()


def _of_key(key: str) -> QuerySet[OperatorSession]:
    now = timezone.now()
    return OperatorSession.objects.filter(
        digest=_digest(key), seen_at__gt=now - IDLE, began_at__gt=now - LONGEST
    )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()

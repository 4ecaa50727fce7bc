"""What is due by the clock, done at once, as if it were that time."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from activitypub.errands import KINDS
from activitypub.fetching.errors import DownForNow, NotFetched, NotFound, Reason
from activitypub.models import Errand, ErrandKind
from activitypub.services import errands


def after(**span: float) -> datetime:
    """The time that is so far from now."""
    return timezone.now() + timedelta(**span)


def do_due(now: datetime, web: Mapping[str, dict[str, Any] | NotFetched] | None = None) -> list[str]:
    """Do all that is due at that time, part for part; what was asked for on other servers. `web` is what
    stands there."""
    asked = []
    while taken := errands.take(100, now):
        for errand in taken:
            kind = KINDS[ErrandKind(errand.kind)]
            found: dict[str, Any] | NotFetched | None = None
            if uri := kind.asks(errand):
                asked.append(uri)
                found = (web or {}).get(uri, NotFound(Reason.NOT_FOUND))
            with suppress(DownForNow):
                errands.do(errand, kind.does, found, now)
    return asked


def waiting() -> dict[str, datetime]:
    """When which errands are due."""
    return dict(Errand.objects.values_list("kind", "due_at"))

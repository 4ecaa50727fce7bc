"""What is kept for a while, so that what comes twice or too late is known, goes when that is over."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from activitypub.models import Deleted, Received

# Servers send again for some days what was not answered; a signature is good for half a day at most.
KNOWN_FOR: Final = timedelta(days=7)
# By then what was on its way has come, or never will.
ENDED_FOR: Final = timedelta(days=30)
AT_ONCE: Final = 1000


def forget_old(now: datetime | None = None) -> None:
    """Delete activities that were worked through, and the ends of what never was here, when they are old."""
    at = now or timezone.now()
    _forget(
        Received.objects.exclude(outcome="").filter(received_at__lt=at - KNOWN_FOR).order_by("received_at")
    )
    _forget(Deleted.objects.filter(by__isnull=False, deleted_at__lt=at - ENDED_FOR).order_by("deleted_at"))


def _forget(rows: QuerySet[Any]) -> None:
    model: type[Model] = rows.model
    while some := list(rows.values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            model._default_manager.filter(pk__in=some).delete()

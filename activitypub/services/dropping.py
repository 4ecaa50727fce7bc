"""Deliveries that end, and with the last of them what was sent, where nobody else is shown it."""

from collections.abc import Collection

from django.db.models import Exists, OuterRef, QuerySet

from activitypub.models import Delivery, Sent


def drop(deliveries: QuerySet[Delivery]) -> int:
    """Delete these, in the caller's transaction; return how many there were."""
    hidden = deliveries.filter(activity__public=False).values_list("activity_id", flat=True).distinct()
    activities = list(hidden)
    dropped = deliveries.delete()[0]
    forget_unneeded(activities)
    return dropped


def forget_unneeded(activities: Collection[int]) -> None:
    """Delete those of these activities that no outbox shows and nobody is to get any more."""
    if activities:
        waiting = Delivery.objects.filter(activity=OuterRef("pk"))
        Sent.objects.filter(pk__in=activities, public=False).exclude(Exists(waiting)).delete()

"""What other servers sent, and what came of it; never what it says, nor to whom."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from activitypub.admin.base import Facts, Page, Table, away, link, moment
from activitypub.models import Received
from activitypub.protocol.uris import origin_of


class _State(SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waits", "waits"), ("done", "had an effect"), ("none", "had no effect")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "waits":
                return queryset.filter(outcome="")
            case "done":
                return queryset.filter(outcome="done")
            case "none":
                return queryset.exclude(outcome__in=("", "done"))
        return queryset


class ReceivedPage(Page):
    """Activities that were answered with 202, the newest first."""

    plural = "What came in"
    list_display = (moment("received_at", "Came"), "sender", "attempts", "result")
    list_filter = (_State,)
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Received]:
        return Received.objects.defer("body", "recipient").order_by("-pk")

    def sender(self, row: Received) -> str:
        return row.actor

    def host(self, row: Received) -> str:
        origin = origin_of(row.actor)
        return link(origin.authority, "host", origin.authority) if origin else ""

    def result(self, row: Received) -> str:
        return row.outcome or "waits"

    def title(self, thing: Received) -> str:
        return f"Activity {thing.pk}"

    def parts(self, thing: Received) -> Iterable[Facts | Table]:
        yield Facts(
            "Activity",
            [
                ("Sent by", away(thing.actor)),
                ("Host", self.host(thing)),
                ("Came", thing.received_at),
                ("Attempts", str(thing.attempts)),
                ("Not before", thing.not_before or ""),
                ("Outcome", self.result(thing)),
            ],
        )

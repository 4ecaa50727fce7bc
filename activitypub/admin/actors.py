"""Who speaks in the fediverse, here and elsewhere."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator

from activitypub import cleaning
from activitypub.admin.base import Act, Facts, Page, Table, away, figure, lines, link, moment
from activitypub.admin.posts import name_of, sought
from activitypub.models import Actor, ActorKey, ActorType, Follow, FollowState, Post, Report
from activitypub.queries.posts import OPEN
from activitypub.rendering import handle_of
from activitypub.services import moderation


def _is_somebody(actor: Actor) -> bool:
    """Whether it is not this server's own, nor what is left of an erased account."""
    return bool(actor.host) or actor.account_id is not None


def _suspend(actor: Actor) -> str:
    return f"Suspended: {actor.uri}." if moderation.suspend(actor) else f"Suspended before: {actor.uri}."


def _unsuspend(actor: Actor) -> str:
    if moderation.unsuspend(actor):
        return f"No longer suspended: {actor.uri}."
    return f"Suspended with its host, by what is decided about that: {actor.uri}."


ACTS: Mapping[str, Act] = {
    "suspend": Act(
        "Suspend",
        "Hide this actor and all that is its own, and exchange nothing with it? Nothing is deleted.",
        _suspend,
        lambda actor: actor.suspended_at is None and _is_somebody(actor),
        is_grave=True,
    ),
    "unsuspend": Act(
        "Unsuspend",
        "End the suspension, and show this actor again?",
        _unsuspend,
        lambda actor: actor.suspended_at is not None and _is_somebody(actor),
    ),
}


class _Where(SimpleListFilter):
    title = "where"
    parameter_name = "where"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("here", "of this server"), ("elsewhere", "of other servers")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "here":
                return queryset.filter(host="")
            case "elsewhere":
                return queryset.exclude(host="")
        return queryset


class _Suspended(SimpleListFilter):
    title = "suspended"
    parameter_name = "suspended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "yes"), ("no", "no")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.value()
        return queryset if asked is None else queryset.filter(suspended_at__isnull=asked == "no")


class ActorPage(Page):
    """Actors of this server and of others, those met last first."""

    plural = "Actors"
    list_display = ("handle", "display_name", "type", "state", moment("fetched_at", "Read"))
    list_filter = (_Where, _Suspended, "type")
    search_fields = ("uri",)
    search_help_text = "Somebody by handle, username or address; all of a host by @social.example.org"
    ordering = ("-pk",)
    acts = ACTS

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return (queryset & sought(search_term) if search_term else queryset), False

    def handle(self, actor: Actor) -> str:
        return name_of(actor)

    def state(self, actor: Actor) -> str:
        return "suspended" if actor.suspended_at else "moved" if actor.moved_to else ""

    def title(self, thing: Actor) -> str:
        return f"@{handle_of(thing)}"

    def parts(self, thing: Actor) -> Iterable[Facts | Table]:
        yield Facts(
            "Profile",
            [
                ("Name", thing.display_name or ""),
                ("Says of itself", Truncator(cleaning.as_lines(thing.summary)).chars(1000) or ""),
                *(
                    (
                        cleaning.as_text(str(field.get("name", ""))),
                        cleaning.as_text(str(field.get("value", ""))),
                    )
                    for field in thing.fields[:20]
                ),
                ("Type", thing.type),
                ("Address", away(thing.uri)),
                ("Host", link(thing.host, "host", thing.host) if thing.host else "this server"),
                ("Account", _account(thing)),
                ("Suspended", thing.suspended_at or "no"),
                ("Also known as", lines(away(str(one)) for one in thing.also_known_as)),
                ("Moved to", away(thing.moved_to) if thing.moved_to else ""),
                ("Read last", thing.fetched_at or ""),
            ],
        )
        accepted = Follow.objects.filter(state=FollowState.ACCEPTED)
        yield Facts(
            "What this server knows",
            [
                ("Followers", figure(accepted.filter(followee=thing))),
                ("Follows", figure(accepted.filter(follower=thing))),
                ("Posts for everybody", figure(Post.objects.filter(author=thing, visibility__in=OPEN))),
                ("Posts for some", figure(Post.objects.filter(author=thing).exclude(visibility__in=OPEN))),
                ("Blocked by", figure(thing.blocked_by.all())),
                ("Blocks", figure(thing.blocks.all())),
                ("Muted by", figure(thing.muted_by.all())),
                ("Has reported", figure(thing.reports.all())),
            ],
        )
        yield Table(
            "Reported",
            ("Report", "When", "State"),
            [
                (link(f"{row.pk}", "activitypub_report_change", row.pk), row.created_at, _state(row))
                for row in Report.objects.filter(target=thing).order_by("-pk")[:20]
            ],
            "Never.",
        )
        keys = ActorKey.objects.filter(actor=thing).defer("private").order_by("-created_at")[:20]
        yield Table(
            "Keys by which it signs",
            ("Address", "Kind", "Here since", "Published until"),
            [(key.key_id, key.kind, key.created_at, key.retires_at or "further notice") for key in keys],
        )


def _account(actor: Actor) -> str:
    if actor.account_id is not None:
        return link("of this server", "accounts_account_change", actor.account_id)
    if actor.host:
        return ""
    return (
        "the server's own" if actor.type == ActorType.APPLICATION else "erased; others are still being told"
    )


def _state(report: Report) -> str:
    return "open" if report.resolved_at is None else "resolved"

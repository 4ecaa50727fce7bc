"""One other server: all that is held about it, and what an operator wants of it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html

from activitypub import operating
from activitypub.admin import errands
from activitypub.admin.base import MOST, Act, Button, Facts, Page, Table, lines, link, moment, perform
from activitypub.admin.policies import words
from activitypub.models import Host
from activitypub.protocol.retry import State
from activitypub.queries.about_host import AboutHost, about
from activitypub.queries.hosts import (
    let_in_among,
    silenced_among,
    suspended_among,
    unheard_among,
    without_media_among,
)


def _is_paused(name: str) -> bool:
    return Host.objects.filter(name=name, paused=True).exists()


ACTS: Final[Mapping[str, Act]] = {
    "retry": Act("Retry", "Try all that this host is owed now, and forget how it failed?", operating.retry),
    "pause": Act(
        "Pause",
        "Deliver nothing to this host until it is resumed?",
        operating.pause,
        lambda name: not _is_paused(name),
    ),
    "resume": Act("Resume", "Deliver to this host again?", operating.resume, _is_paused),
    "clear": Act(
        "Clear",
        "Forget all that this host is owed? People there never get it, and it cannot be taken back.",
        operating.clear,
        is_grave=True,
    ),
}


class HostPage(Page):
    """Hosts that something was sent to. One that only sends is found by its name all the same."""

    plural = "Hosts"
    list_display = (
        "host",
        "deliveries",
        "days_failed",
        "breakers_open",
        "scheme",
        moment("heard_at", "Heard of"),
    )
    list_display_links = None
    list_filter = ("paused",)
    search_fields = ("=name",)
    search_help_text = "A host by its whole name, as social.example.org"
    ordering = ("name",)

    def host(self, host: Host) -> str:
        return link(host.name, "host", host.name)

    def deliveries(self, host: Host) -> str:
        return "paused" if host.paused else ""

    def days_failed(self, host: Host) -> str:
        return str(len(host.failed_days) or "")

    def breakers_open(self, host: Host) -> str:
        return str(sum(kept["state"] != State.CLOSED for kept in host.breakers.values()) or "")

    def get_urls(self) -> list[URLPattern]:
        # One host has its page by its name (`host_view`), for there may be no row.
        return super().get_urls()[:1]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return super().get_search_results(request, queryset, search_term.strip().lower())


def host_view(request: HttpRequest, context: dict[str, Any], name: str) -> HttpResponse:
    """Everything about one host."""
    found = about(_host(name), timezone.now())
    return TemplateResponse(
        request,
        "activitypub/admin/thing.html",
        {
            **context,
            **_place(),
            "title": found.standing.name,
            "parts": list(_parts(found)),
            "buttons": _buttons(found),
        },
    )


def act_view(request: HttpRequest, context: dict[str, Any], name: str, act: str) -> HttpResponse:
    """Retry, pause, resume or clear it."""
    host = _host(name)
    if act not in ACTS:
        raise Http404
    return perform(
        request, {**context, **_place()}, ACTS[act], host, host, back=reverse("admin:host", args=[host])
    )


def _host(name: str) -> str:
    host = operating.address_of(name)
    if host is None:
        raise Http404
    return host


def _place() -> Mapping[str, str]:
    return {"list_url": reverse("admin:activitypub_host_changelist"), "list_name": HostPage.plural}


def _buttons(found: AboutHost) -> Sequence[Button]:
    name = found.standing.name
    acts = [
        Button(act.label, reverse("admin:host_do", args=[name, key]), act.is_grave)
        for key, act in ACTS.items()
        if act.fits(name)
    ]
    return [*acts, Button("Decide about it", f"{reverse('admin:activitypub_hostpolicy_add')}?host={name}")]


def _or_more(number: int) -> str:
    return f"{number} or more" if number >= MOST else str(number)


def _parts(found: AboutHost) -> Iterable[Facts | Table]:
    name, standing = found.standing.name, found.standing
    hosts_ = (name,)
    is_stranger = settings.HVX_FEDERATION_ALLOW_LIST and not let_in_among(hosts_)
    shut = "not let in" if is_stranger else "suspended"
    holds = [
        word
        for word, judged in (
            (f"{shut}: nothing is exchanged", suspended_among),
            ("silenced", silenced_among),
            ("without media", without_media_among),
            ("without reports", unheard_among),
        )
        if judged(hosts_)
    ]
    yield Facts(
        "How it stands",
        [
            ("Here it is", ", ".join(holds) or "under no restriction"),
            (
                "Decided",
                lines(
                    format_html(
                        "{}: {}", link(policy.host, "activitypub_hostpolicy_change", policy.pk), words(policy)
                    )
                    for policy in found.policies
                )
                or "nothing",
            ),
            ("Deliveries", "paused" if standing.paused else "go out"),
            ("Heard of last, after it had failed", standing.heard_at or ""),
            (
                "Failed on",
                ", ".join(standing.failed_days)
                + (": left alone until it speaks" if standing.is_left_alone else "")
                if standing.failed_days
                else "no day since it was last heard of",
            ),
            ("Takes signatures by", standing.scheme or "not known yet"),
        ],
    )
    yield Facts(
        "Deliveries to it",
        [
            ("Waiting", str(standing.waiting)),
            ("Due now", str(standing.due)),
            ("The next", standing.next_at or ""),
            ("The last failure", standing.error or ""),
        ],
    )
    yield Table(
        "What waits",
        ("Activity", "Last came to", "Deliveries", "Attempts, at most"),
        [(row.type, row.error or "not tried", row.deliveries, row.attempts) for row in found.waiting],
        "Nothing waits.",
    )
    yield errands.table(found.errands)
    yield Table(
        "Breakers",
        ("Inbox", "State", "Failures in a row", "Opened"),
        found.breakers,
        "Every inbox is delivered to.",
    )
    figure = partial(_or_more)
    yield Facts(
        "What is held of it",
        [
            ("Actors", f"{figure(found.actors)}, {figure(found.suspended)} of them suspended"),
            ("Posts", figure(found.posts)),
            ("Likes and reactions", figure(found.likes)),
            ("Boosts", figure(found.boosts)),
            ("Votes", figure(found.votes)),
            ("Public keys", figure(found.keys)),
            ("Posts to be fetched, for their conversations", figure(found.wanted)),
            ("An actor was read last", found.read_at or "never"),
        ],
    )
    yield Facts(
        "Between people there and here",
        [
            ("There follow somebody here", figure(found.following)),
            (
                "Here follow somebody there",
                f"{figure(found.followed)}, and {figure(found.asked)} have asked to",
            ),
            ("Reports from there", figure(found.reports)),
            ("Reports of people there", figure(found.reported)),
            ("Blocks of people there, by people here", figure(found.blocks)),
            ("Blocks of people here, by people there", figure(found.blocked)),
            ("Mutes of people there", figure(found.mutes)),
            ("People here who have blocked the whole host", figure(found.host_blocks)),
        ],
    )
    yield Table(
        f"What came in: {figure(found.incoming)} wait",
        ("Outcome", f"Activities, of the {MOST} that ended last here"),
        found.ended,
        "Nothing of late.",
    )
    yield Table(
        "Actors that were met last",
        ("Actor", "Type", "Read", "Suspended"),
        [
            (
                link(f"@{one.username}", "activitypub_actor_change", one.pk),
                one.type,
                one.fetched_at,
                one.suspended_at,
            )
            for one in found.newest
        ],
        "Nobody is known there.",
    )

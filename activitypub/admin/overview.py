"""How it stands with the fediverse, on one page; and a dry run of a delivery."""

import asyncio
import threading
from typing import Any, Final

from django import forms
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from activitypub import operating
from activitypub.admin import errands, hosts
from activitypub.admin.base import Facts, Table, figure, link, several
from activitypub.admin.policies import WIDE
from activitypub.delivery import checking
from activitypub.delivery.checking import NoHandle, Step
from activitypub.models import Block, HostBlock, HostPolicy, Mute, Received, Report
from activitypub.queries.deliveries import HostOverview, overview, totals
from activitypub.queries.errands import waiting as waiting_errands
from activitypub.remote import session

SHOWN: Final = 10
CHECK_SECONDS: Final = 45
# Each asks other servers for as long as they take, and holds a thread meanwhile.
_checking = threading.Lock()


def overview_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Queues, hosts, breakers; what came in; what moderators and people have decided."""
    now = timezone.now()
    if typed := request.GET.get("host", "").strip():
        name = operating.address_of(typed)
        if name is not None:
            return HttpResponseRedirect(reverse("admin:host", args=[name]))
    all_ = totals(now)
    waiting = Received.objects.filter(outcome="")
    oldest = waiting.aggregate(at=Min("received_at"))["at"]
    parts = [
        Facts(
            "Deliveries",
            [
                ("Waiting", f"{all_.waiting}, to {several(all_.hosts_waiting, 'host')}"),
                ("Due now", str(all_.due)),
                ("Hosts that fail", str(all_.hosts_failing)),
                ("Hosts that are paused", str(all_.hosts_paused)),
            ],
        ),
        Table(
            "Hosts that something waits for, or that stand out",
            ("Host", "Waiting", "Due", "Next", "Last failure", "State"),
            [_row(host) for host in overview(now)],
            "All is delivered, and no host fails.",
        ),
        errands.table(waiting_errands(now)),
        Facts("What came in", [("Waits", figure(waiting)), ("The oldest of it came", oldest or "")]),
        Facts(
            "Moderation",
            [
                (
                    "Open reports",
                    format_html(
                        '<a href="{}?state=open">{}</a>',
                        reverse("admin:activitypub_report_changelist"),
                        figure(Report.objects.filter(resolved_at=None)),
                    ),
                ),
                (
                    "Hosts that something is decided about",
                    link(figure(HostPolicy.objects.all()), "activitypub_hostpolicy_changelist"),
                ),
            ],
        ),
        Facts(
            "What people have decided for themselves",
            [
                ("Blocks of somebody", figure(Block.objects.filter(actor__host=""))),
                ("Mutes of somebody", figure(Mute.objects.all())),
                ("Blocks of a whole host", figure(HostBlock.objects.all())),
            ],
        ),
        Table("Hosts that most people here have blocked", ("Host", "People"), _most_blocked(), "None."),
    ]
    return TemplateResponse(
        request,
        "activitypub/admin/overview.html",
        {**context, "title": "Federation", "parts": parts, "typed": typed},
    )


def _row(host: HostOverview) -> tuple[Any, ...]:
    said = (
        (host.paused, "paused"),
        (host.is_left_alone, "left alone until it speaks"),
        (bool(host.failed_days), f"failed on {several(len(host.failed_days), 'day')}"),
        (bool(host.breakers), f"{several(host.breakers, 'breaker')} open"),
    )
    state = ", ".join(word for holds, word in said if holds)
    return link(host.name, "host", host.name), host.waiting, host.due, host.next_at, host.error, state


def _most_blocked() -> list[tuple[str, int]]:
    found = HostBlock.objects.values_list("host").annotate(people=Count("pk")).order_by("-people", "host")
    return [(link(host, "host", host), people) for host, people in found[:SHOWN]]


class Checked(forms.Form):
    """Somebody elsewhere."""

    handle = forms.CharField(
        max_length=400, widget=WIDE, help_text="Somebody there, as user@social.example.org."
    )


def check_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """All that a delivery to somebody needs, step by step; nothing is delivered."""
    steps: list[Step] = []
    form = Checked(request.POST) if request.method == "POST" else Checked()
    if form.is_valid():
        if not _checking.acquire(blocking=False):
            form.add_error(None, "Another dry run is under way: try again when it is done.")
        else:
            try:
                session.run(_gather(form.cleaned_data["handle"].strip().removeprefix("@"), steps))
            except NoHandle:
                form.add_error("handle", "This is no handle: write it like user@social.example.org.")
            except TimeoutError:
                form.add_error(None, f"It took more than {CHECK_SECONDS} seconds: this is as far as it came.")
            finally:
                _checking.release()
    return TemplateResponse(
        request, "activitypub/admin/check.html", {**context, "title": "Dry run", "form": form, "steps": steps}
    )


async def _gather(handle: str, steps: list[Step]) -> None:
    async with asyncio.timeout(CHECK_SECONDS):
        async for step in checking.check(handle):
            steps.append(step)


VIEWS: Final = (
    ("federation/", overview_view, "federation"),
    ("federation/check/", check_view, "check"),
    ("federation/host/<str:name>/", hosts.host_view, "host"),
    ("federation/host/<str:name>/do/<slug:act>/", hosts.act_view, "host_do"),
)

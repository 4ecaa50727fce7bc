"""What is decided about hosts: one by one, and by lists."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from activitypub.admin.base import Act, Button, Facts, Page, Table, count, moment
from activitypub.models import Actor, HostPolicy, Severity
from activitypub.protocol import blocklist
from activitypub.protocol.blocklist import BadBlocklist
from activitypub.protocol.uris import host_name
from activitypub.queries.hosts import is_ours
from activitypub.services import moderation
from activitypub.verbs.blocklists import exported
from activitypub.verbs.moderation import line
from audit.errors import Problem

# A list is carried through the page by which it is confirmed; a longer one is the command's.
MAX_TYPED: Final = 1_000_000
SHOWN: Final = 200


WIDE: Final = forms.TextInput(attrs={"class": "vTextField"})


def words(policy: HostPolicy) -> str:
    """What holds, in words."""
    return line(policy).partition(": ")[2]


class Decision(forms.Form):
    """What is to hold for a host and all its subdomains."""

    host = forms.CharField(
        max_length=300, widget=WIDE, help_text="Its name without a port, as social.example.org."
    )
    severity = forms.ChoiceField(
        choices=[
            (Severity.NONE, "none: nothing but what is ticked below"),
            (
                Severity.SILENCE,
                "silence: public timelines leave it out, and who is there has to ask before following",
            ),
            (
                Severity.SUSPEND,
                "suspend: nothing is exchanged, and whoever is there is hidden; nothing is deleted",
            ),
        ],
    )
    reject_media = forms.BooleanField(required=False, help_text="Of its posts the words alone are taken.")
    reject_reports = forms.BooleanField(required=False, help_text="Its reports are dropped.")
    allowed = forms.BooleanField(required=False, help_text="Let in, where HVX_FEDERATION_ALLOW_LIST is on.")
    public_comment = forms.CharField(
        required=False, max_length=blocklist.MAX_COMMENT, widget=forms.Textarea(attrs={"rows": 2})
    )
    private_comment = forms.CharField(
        required=False, max_length=blocklist.MAX_COMMENT, widget=forms.Textarea(attrs={"rows": 2})
    )
    obfuscate = forms.BooleanField(
        required=False, help_text="A list that is shown to all hides a part of its name."
    )

    def clean_host(self) -> str:
        host = host_name(self.cleaned_data["host"].strip())
        if host is None or "." not in host:
            raise forms.ValidationError("This is no host: write it like social.example.org.")
        if is_ours(host):
            raise forms.ValidationError("This server itself is there.")
        return host


class PolicyPage(Page):
    """A row, and the form that decides anew."""

    plural = "Decided about hosts"
    list_display = ("host", "holds", "public_comment", "private_comment", moment("created_at", "Since"))
    list_filter = ("severity", "reject_media", "reject_reports", "allowed")
    search_fields = ("host",)
    ordering = ("host",)
    acts: Mapping[str, Act] = {
        "lift": Act(
            "Lift",
            "Let nothing hold for this host any more, but what holds for a domain above it?",
            lambda policy: (
                f"Nothing is decided about {policy.host} any more."
                if moderation.lift(policy.host)
                else f"Nothing was decided about {policy.host}."
            ),
            is_grave=True,
            ends=True,
        )
    }

    def holds(self, policy: HostPolicy) -> str:
        return words(policy)

    def parts(self, thing: HostPolicy) -> Iterable[Facts | Table]:
        below = Actor.objects.filter(host__endswith=f".{thing.host}") | Actor.objects.filter(host=thing.host)
        yield Facts(
            "Decided",
            [
                ("Holds", words(thing)),
                ("Since", thing.created_at),
                ("Public comment", thing.public_comment or ""),
                ("Private comment", thing.private_comment or ""),
                ("Actors there that are suspended", str(count(below.filter(suspended_at__isnull=False)))),
            ],
        )

    def title(self, thing: HostPolicy) -> str:
        return thing.host

    def buttons(self, thing: HostPolicy) -> Sequence[Button]:
        anew = Button("Decide anew", f"{self.address('add')}?host={thing.host}")
        return [
            anew,
            Button("All about this host", reverse("admin:host", args=[thing.host])),
            *super().buttons(thing),
        ]

    def more_urls(self) -> Sequence[URLPattern]:
        return [path("add/", self.admin_site.admin_view(self.decide_view), name=self._name("add"))]

    def decide_view(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            form = Decision(request.POST)
            if form.is_valid():
                return self._decide(request, **form.cleaned_data)
        else:
            form = Decision(initial=_as_decided(request.GET.get("host", "")))
        return TemplateResponse(
            request,
            "activitypub/admin/form.html",
            {**self._context(request), "title": "Decide about a host", "form": form, "submit": "Decide"},
        )

    def _decide(self, request: HttpRequest, host: str, **decided: Any) -> HttpResponse:
        try:
            policy = moderation.decide(host, **decided)
        except Problem as refused:
            messages.error(request, f"Nothing was decided: {refused.detail or refused.title}.")
            return HttpResponseRedirect(self.address("changelist"))
        messages.success(request, f"Decided about {line(policy)}.")
        return HttpResponseRedirect(self.address("change", policy.pk))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        tools = [
            Button("Decide about a host", self.address("add")),
            Button("Lists", reverse("admin:blocklist")),
        ]
        return super().changelist_view(request, {**(extra_context or {}), "tools": tools})


class Typed(forms.Form):
    """A list to take over, as a file or as it was shown before."""

    file = forms.FileField(
        required=False, label="List", help_text="CSV as Mastodon exports it, or a host a line."
    )
    text = forms.CharField(required=False, max_length=MAX_TYPED, strip=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        file, text = self.cleaned_data.get("file"), self.cleaned_data.get("text") or ""
        if file is not None:
            if file.size > MAX_TYPED:
                raise forms.ValidationError(
                    f"The list has more than {MAX_TYPED} bytes: take manage.py federation import-blocklist."
                )
            try:
                text = file.read().decode("utf-8")
            except UnicodeDecodeError:
                raise forms.ValidationError("This is no text in UTF-8.") from None
        if not text.strip():
            raise forms.ValidationError("Choose a file.")
        try:
            return {"text": text, "list": blocklist.read(text)}
        except BadBlocklist as bad:
            raise forms.ValidationError(f"Nothing was decided; {bad}.") from None


def import_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """A dry run of a list, and after it the list itself."""
    form = Typed(request.POST, request.FILES) if request.method == "POST" else Typed()
    shown: dict[str, Any] = {}
    if form.is_valid():
        found = form.cleaned_data["list"]
        known = set(HostPolicy.objects.values_list("host", flat=True))
        fresh = [one for one in found.lines if one.host not in known and not is_ours(one.host)]
        if "take" in request.POST:
            try:
                made = moderation.take_over(found.lines)
            except Problem as refused:
                messages.error(request, f"Nothing was decided: {refused.detail or refused.title}.")
            else:
                told = f"{made} of {len(found.lines)} hosts are decided now; the others were before."
                messages.success(request, told)
            return HttpResponseRedirect(reverse("admin:activitypub_hostpolicy_changelist"))
        shown = {
            "text": form.cleaned_data["text"],
            "fresh": fresh[:SHOWN],
            "further": max(0, len(fresh) - SHOWN),
            "new": len(fresh),
            "before": len(found.lines) - len(fresh),
            "unnamed": found.unnamed,
        }
        form = Typed()
    return TemplateResponse(
        request,
        "activitypub/admin/blocklist.html",
        {**context, **shown, "title": "Lists of blocks", "form": form},
    )


def export_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """What is decided, as such a list."""
    return HttpResponse(
        exported(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="blocklist.csv"'},
    )


VIEWS: Final = (
    ("federation/blocklist/", import_view, "blocklist"),
    ("federation/blocklist.csv", export_view, "blocklist_csv"),
)


def _as_decided(host: str) -> dict[str, Any]:
    policy = HostPolicy.objects.filter(host=host_name(host.partition(":")[0]) or "").first()
    if policy is None:
        return {"host": host.partition(":")[0]}
    return {name: getattr(policy, name) for name in Decision.base_fields}

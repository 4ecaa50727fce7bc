"""What was reported to this server's moderators, and what they make of it.

While a report is open, the posts that it names are shown, whomever they are for; afterwards only those that
are for everybody.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path

from activitypub.admin import actors, posts
from activitypub.admin.base import Act, Button, Facts, Page, Table, away, moment, perform
from activitypub.admin.posts import author_of, facts_of, name_of, text_of
from activitypub.models import Post, Report
from activitypub.queries.posts import OPEN
from activitypub.services import reports

MOST_POSTS = 100


def _resolve(report: Report) -> str:
    reports.resolve(report)
    return "The report is resolved."


class _State(SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("resolved", "resolved")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.value()
        return queryset if asked is None else queryset.filter(resolved_at__isnull=asked == "open")


def posts_of(report: Report) -> QuerySet[Post]:
    """The reported posts that a moderator may see. They are the target's: a report opens nobody else's."""
    named = Post.objects.select_related("author").filter(
        uri__in=report.post_uris[:MOST_POSTS], author=report.target
    )
    return (named if report.resolved_at is None else named.filter(visibility__in=OPEN)).order_by("pk")


class ReportPage(Page):
    """Reports that came, and those that people here made."""

    plural = "Reports"
    list_display = (moment("created_at", "Came"), "of", "by", "posts", "state")
    list_filter = (_State, "forwarded")
    list_select_related = ("reporter", "target")
    search_fields = ("uri",)
    search_help_text = "Reports of or by somebody: somebody@social.example.org"
    ordering = ("-pk",)
    acts: Mapping[str, Act] = {
        "resolve": Act(
            "Resolve",
            "Is nothing left to be done about this report? Its posts are shown here no longer.",
            _resolve,
            lambda report: report.resolved_at is None,
        )
    }

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if not search_term:
            return queryset, False
        found = list(posts.sought(search_term)[:50])
        return queryset.filter(Q(target__in=found) | Q(reporter__in=found)), False

    def of(self, report: Report) -> str:
        return author_of(report.target)

    def by(self, report: Report) -> str:
        return author_of(report.reporter)

    def posts(self, report: Report) -> str:
        return str(len(report.post_uris))

    def state(self, report: Report) -> str:
        return "open" if report.resolved_at is None else "resolved"

    def title(self, thing: Report) -> str:
        return f"Report {thing.pk}"

    def parts(self, thing: Report) -> Iterable[Facts | Table]:
        yield Facts(
            "Report",
            [
                ("Of", author_of(thing.target)),
                ("By", author_of(thing.reporter)),
                ("Says", thing.comment or "nothing"),
                ("Came", thing.created_at),
                ("Told the other server", "yes" if thing.forwarded else "no"),
                ("Resolved", thing.resolved_at or "no"),
                (
                    "The one who is reported",
                    "is suspended" if thing.target.suspended_at else "is not suspended",
                ),
            ],
        )
        shown = list(posts_of(thing))
        for post in shown:
            facts = facts_of(post)
            buttons = [
                Button(act.label, self.address("post", thing.pk, post.pk, name), act.is_grave)
                for name, act in posts.ACTS.items()
                if act.fits(post)
            ]
            yield Facts("Reported post", [*facts.rows, ("", buttons)])
        missing = [uri for uri in thing.post_uris if uri not in {post.uri for post in shown}]
        if missing:
            yield Table(
                "Reported, and not shown",
                ("Address",),
                [(away(uri),) for uri in missing[:MOST_POSTS]],
            )

    def buttons(self, thing: Report) -> Sequence[Button]:
        about = [
            Button(
                f"{act.label} {name_of(thing.target)}", self.address("target", thing.pk, name), act.is_grave
            )
            for name, act in actors.ACTS.items()
            if act.fits(thing.target)
        ]
        return [*super().buttons(thing), *about]

    def more_urls(self) -> Sequence[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("<path:object_id>/target/<slug:act>/", guarded(self.target_view), name=self._name("target")),
            path(
                "<path:object_id>/post/<int:post>/<slug:act>/",
                guarded(self.post_view),
                name=self._name("post"),
            ),
        ]

    def target_view(self, request: HttpRequest, object_id: str, act: str) -> HttpResponse:
        report: Any = self.thing(request, object_id)
        return self._perform(request, actors.ACTS, act, report.target, name_of(report.target), report)

    def post_view(self, request: HttpRequest, object_id: str, post: int, act: str) -> HttpResponse:
        report: Any = self.thing(request, object_id)
        found = posts_of(report).filter(pk=post).first()
        if found is None:
            raise Http404
        return self._perform(request, posts.ACTS, act, found, text_of(found, 200), report)

    def _perform(
        self,
        request: HttpRequest,
        acts: Mapping[str, Act],
        act: str,
        thing: object,
        named: str,
        report: Report,
    ) -> HttpResponse:
        if act not in acts:
            raise Http404
        back = self.address("change", report.pk)
        return perform(request, self._context(request), acts[act], thing, named, back=back)

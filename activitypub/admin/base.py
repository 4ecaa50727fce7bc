"""What the pages share: lists that count so far and no further, facts of one thing, acts that ask first."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.contrib.admin import ModelAdmin, ShowFacets, display
from django.contrib.admin.utils import unquote
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from accounts.models import Operator
from activitypub.protocol.uris import is_uri
from audit.errors import Problem

if TYPE_CHECKING:
    _ModelAdmin = ModelAdmin[Any]
else:
    _ModelAdmin = ModelAdmin

# Beyond it a list or a figure says "or more": no page costs what a table holds.
MOST: Final = 5000


def count(rows: QuerySet[Any], most: int = MOST) -> int:
    """How many rows these are, counted up to `most`."""
    return rows.order_by().values("pk")[:most].count()


def figure(rows: QuerySet[Any]) -> str:
    """The same, to read."""
    number = count(rows)
    return f"{number} or more" if number == MOST else str(number)


def link(text: object, name: str, *arguments: object) -> str:
    """A link to a page of the administration."""
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{name}", args=arguments), text)


def away(uri: str) -> str:
    """An address elsewhere, as a link where it is one that can be asked."""
    if not is_uri(uri):
        return uri
    return format_html('<a href="{}" rel="noopener noreferrer nofollow">{}</a>', uri, uri)


def lines(values: Iterable[object]) -> str:
    """Each of these on a line of its own; empty for none."""
    return format_html_join(mark_safe("<br>"), "{}", ((value,) for value in values))


def several(number: int, noun: str) -> str:
    """How many there are, as one says it."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def moment(column: str, title: str) -> Callable[[Any], str]:
    """A column of a list that holds a time."""

    @display(description=title)
    def shown(row: Any) -> str:
        at = getattr(row, column)
        return f"{at:%Y-%m-%d %H:%M}" if at else ""

    shown.__name__ = column
    return shown


@dataclass(frozen=True)
class Facts:
    """Names and what they come to."""

    title: str
    rows: Sequence[tuple[str, Any]]


@dataclass(frozen=True)
class Table:
    """Rows under columns; `empty` is said where there is none."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str = "None."


@dataclass(frozen=True)
class Act:
    """What may be done with one thing, after a question. `do` returns a sentence on what came of it; with
    `ends` the thing is there no longer."""

    label: str
    question: str
    do: Callable[[Any], str]
    fits: Callable[[Any], bool] = lambda thing: True
    is_grave: bool = False
    ends: bool = False


@dataclass(frozen=True)
class Button:
    """An act as a page offers it."""

    label: str
    url: str
    is_grave: bool = False


def perform(
    request: HttpRequest, context: Mapping[str, Any], act: Act, thing: object, named: str, *, back: str
) -> HttpResponse:
    """Ask whether an act is meant; do it where that was answered by a POST. `named` is what the thing is
    called there."""
    if not act.fits(thing):
        messages.warning(request, f"{act.label}: that is no longer to be done.")
        return HttpResponseRedirect(back)
    if request.method != "POST":
        return TemplateResponse(
            request,
            "activitypub/admin/confirm.html",
            {**context, "title": act.label, "act": act, "named": named, "back": back},
        )
    try:
        messages.success(request, act.do(thing))
    except Problem as refused:
        messages.error(request, f"Nothing was done: {refused.detail or refused.title}.")
    return HttpResponseRedirect(back)


class Bounded(Paginator):  # type: ignore[type-arg]
    """Pages over no more than MOST rows."""

    most = MOST

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return len(rows[:MOST]) if isinstance(rows, list) else count(rows)


class Page(_ModelAdmin):
    """A list of rows, and one of them with what may be done with it. Nothing is edited field by field."""

    plural = ""
    actions = None
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    # In the order that an index gives, and no other.
    sortable_by = ()
    show_full_result_count = False
    paginator = Bounded
    change_list_template = "activitypub/admin/list.html"
    acts: Mapping[str, Act] = {}

    def parts(self, thing: Any) -> Iterable[Facts | Table]:
        """What the page of one thing shows."""
        raise NotImplementedError

    def title(self, thing: Any) -> str:
        """What it is called there."""
        return str(thing)

    def buttons(self, thing: Any) -> Sequence[Button]:
        """What it offers."""
        return [
            Button(act.label, self.address("do", thing.pk, name), act.is_grave)
            for name, act in self.acts.items()
            if act.fits(thing)
        ]

    def address(self, what: str, *arguments: object) -> str:
        return reverse(f"admin:{self._name(what)}", args=arguments)

    def _name(self, what: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{what}"

    # ---- Django's hooks -----------------------------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return isinstance(request.user, Operator)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("", guarded(self.changelist_view), name=self._name("changelist")),
            *self.more_urls(),
            path("<path:object_id>/do/<slug:act>/", guarded(self.act_view), name=self._name("do")),
            path("<path:object_id>/", guarded(self.thing_view), name=self._name("change")),
        ]

    def more_urls(self) -> Sequence[URLPattern]:
        return ()

    def thing(self, request: HttpRequest, object_id: str) -> Model:
        """The row at this address. Raises Http404."""
        found = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        return found  # type: ignore[no-any-return]

    def thing_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        thing = self.thing(request, object_id)
        return TemplateResponse(
            request,
            "activitypub/admin/thing.html",
            {**self._context(request), "title": self.title(thing), "parts": list(self.parts(thing)),
             "buttons": self.buttons(thing)},
        )  # fmt: skip

    def act_view(self, request: HttpRequest, object_id: str, act: str) -> HttpResponse:
        thing = self.thing(request, object_id)
        if act not in self.acts:
            raise Http404
        chosen, page = self.acts[act], self.address("change", thing.pk)
        back = self.address("changelist") if chosen.ends and request.method == "POST" else page
        return perform(request, self._context(request), chosen, thing, self.title(thing), back=back)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(request, {**(extra_context or {}), "title": self.plural})

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "list_url": self.address("changelist"),
            "list_name": self.plural,
        }

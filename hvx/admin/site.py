"""The administration's site: which pages there are, who may see them, and how one signs in."""

from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.messages import get_messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.template.response import TemplateResponse
from django.urls import include, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts.models import Account, Operator
from accounts.services import operators
from activitypub.admin.actors import ActorPage
from activitypub.admin.base import Page
from activitypub.admin.hosts import HostPage
from activitypub.admin.inbox import ReceivedPage
from activitypub.admin.overview import VIEWS as FEDERATION
from activitypub.admin.policies import VIEWS as POLICIES
from activitypub.admin.policies import PolicyPage
from activitypub.admin.posts import PostPage
from activitypub.admin.reports import ReportPage
from activitypub.models import Actor, Host, HostPolicy, Post, Received, Report
from audit.errors import Problem
from hvx.admin.accounts import AccountPage
from hvx.admin.server import VIEWS as SERVER
from hvx.answers import ADMINISTRATION

PAGES: Final[tuple[tuple[type[Model], type[Page]], ...]] = (
    (Host, HostPage),
    (HostPolicy, PolicyPage),
    (Received, ReceivedPage),
    (Report, ReportPage),
    (Actor, ActorPage),
    (Post, PostPage),
    (Account, AccountPage),
)
# Pages that are no list of rows: each `(address, view, name)`, the view called with the page's context.
VIEWS: Final = (*FEDERATION, *POLICIES, *SERVER)

# The way through them, as every page shows it.
SECTIONS: Final[tuple[tuple[str, tuple[tuple[str, str], ...]], ...]] = (
    (
        "Federation",
        (
            ("Overview", "federation"),
            ("Hosts", "activitypub_host_changelist"),
            ("Decided about hosts", "activitypub_hostpolicy_changelist"),
            ("Lists of blocks", "blocklist"),
            ("What came in", "activitypub_received_changelist"),
            ("Dry run", "check"),
        ),
    ),
    (
        "People",
        (
            ("Reports", "activitypub_report_changelist"),
            ("Actors", "activitypub_actor_changelist"),
            ("Public posts", "activitypub_post_changelist"),
            ("Accounts", "accounts_account_changelist"),
        ),
    ),
    ("Server", (("This server", "server"), ("Audit", "audit"))),
)


class SignIn(forms.Form):
    """What an operator types. The names are those of Django's own page."""

    username = forms.CharField(
        max_length=100,
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "username"}),
        label="Name",
    )
    password = forms.CharField(
        max_length=1000, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class Administration(AdminSite):
    """Operators see all of it; nobody else sees more than the sign-in."""

    site_title = site_header = "Hvx administration"
    site_url = None
    final_catch_all_view = False

    def __init__(self) -> None:
        super().__init__(name="admin")
        self.disable_action("delete_selected")
        for model, page in PAGES:
            self.register(model, page)

    def has_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, Operator)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not self.has_permission(request):
                query = urlencode({"next": request.get_full_path()})
                return HttpResponseRedirect(f"{reverse('admin:login')}?{query}")
            return view(request, *args, **kwargs)

        return never_cache(csrf_protect(inner))

    def get_urls(self) -> list[Any]:
        """These and no others: what of Django's would want users and content types is left out."""
        urls: list[Any] = [
            path("", self.admin_view(self.index), name="index"),
            path("login/", self.login, name="login"),
            path("logout/", self.admin_view(require_POST(self.logout)), name="logout"),
            path("jsi18n/", self.admin_view(self.i18n_javascript), name="jsi18n"),
        ]
        urls += [self._view(*view) for view in VIEWS]
        for model, page in self._registry.items():
            meta = model._meta
            urls.append(path(f"{meta.app_label}/{meta.model_name}/", include(page.get_urls())))
        return urls

    def _view(self, address: str, view: Callable[..., HttpResponse], name: str) -> Any:
        def with_context(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            return view(request, self.each_context(request), **kwargs)

        return path(address, self.admin_view(with_context), name=name)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {
            **super().each_context(request),
            "request": request,
            "user": request.user,
            "messages": get_messages(request),
        }

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        if not self.has_permission(request):
            return []
        return [
            {
                "name": title,
                "pages": [{"name": name, "url": reverse(f"admin:{view}")} for name, view in pages],
            }
            for title, pages in SECTIONS
        ]

    def get_log_entries(self, request: HttpRequest) -> Any:
        return ()

    @method_decorator((sensitive_post_parameters("password"), never_cache, csrf_protect))
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Sign in by name and password; alike for a name that is nobody's."""
        after = _after(request)
        if self.has_permission(request):
            return HttpResponseRedirect(after)
        form = SignIn(request.POST if request.method == "POST" else None)
        status = 200
        if form.is_valid():
            session: Any = request.session
            try:
                operators.sign_in(session, form.cleaned_data["username"], form.cleaned_data["password"])
            except Problem as refused:
                form.add_error(None, f"{refused.title}.")
                status = refused.status
            else:
                rotate_token(request)
                return HttpResponseRedirect(after)
        context = {**self.each_context(request), "title": "Sign in", "form": form, "next": after}
        return TemplateResponse(
            request, "admin/login.html", {**context, "app_path": reverse("admin:login")}, status=status
        )

    def index(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The overview: there is nothing to choose before it."""
        return HttpResponseRedirect(reverse("admin:federation"))

    def logout(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """End the session."""
        session: Any = request.session
        operators.sign_out(session, session.operator)
        return HttpResponseRedirect(reverse("admin:login"))


def refused_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """For a form that another page sent, or one that stood open for too long."""
    return TemplateResponse(request, "hvx/admin/refused.html", {"back": reverse("admin:index")}, status=403)


def _after(request: HttpRequest) -> str:
    """Where to go once signed in: a page of the administration, whatever was asked for."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = asked.startswith(ADMINISTRATION) and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if is_ours else reverse("admin:index")


site = Administration()

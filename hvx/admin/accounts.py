"""People of this server, as far as an operator has to know them: no e-mail address, no password, no key."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, QuerySet
from django.http import HttpRequest

from accounts.models import Account
from accounts.protocol.names import normalise_login
from activitypub.admin.base import Facts, Page, Table, link, moment
from activitypub.models import Actor
from devices.models import Device


class AccountPage(Page):
    """Accounts, the newest first. What is done about somebody is done about their actor."""

    plural = "Accounts"
    list_display = ("username", moment("created_at", "Since"), "fingerprint")
    search_fields = ("username",)
    search_help_text = "A username as it begins"
    ordering = ("-created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return Account.objects.defer("email", "password", "secret").order_by("-created_at")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if not search_term:
            return queryset, False
        return queryset.filter(username__startswith=normalise_login(search_term)), False

    def title(self, thing: Account) -> str:
        return thing.username

    def parts(self, thing: Account) -> Iterable[Facts | Table]:
        actor = Actor.objects.filter(account_id=thing.pk).first()
        yield Facts(
            "Account",
            [
                ("Username", thing.username),
                ("Here since", thing.created_at),
                ("OpenPGP fingerprint", thing.fingerprint),
                ("Actor", link(actor.uri, "activitypub_actor_change", actor.pk) if actor else ""),
                ("Suspended", (actor.suspended_at if actor else None) or "no"),
            ],
        )
        counted = (
            Device.objects.filter(account_id=thing.pk).values_list("kind", "state").annotate(n=Count("pk"))
        )
        yield Table("Devices", ("Kind", "State", "How many"), list(counted.order_by("kind", "state")))

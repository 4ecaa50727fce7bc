"""This server: its settings, keys and operators; and the newest rows of its audit."""

import json
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.models import Account, Operator, OperatorSession
from activitypub.admin.base import Facts, Table, figure
from audit import keys
from audit.events import Event
from audit.queries import found, mac_of
from vault.models import DataKey

SHOWN: Final = 100


def server_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """What an operator has set, and which keys stand. No key is here, only which there are."""
    ring = DataKey.objects.order_by("purpose", "-generation")[:SHOWN]
    sessions = OperatorSession.objects.order_by("-seen_at")[:SHOWN]
    last = {row.operator_id: row.seen_at for row in reversed(sessions)}
    parts = [
        Facts(
            "Server",
            [
                ("Version", settings.HVX_VERSION),
                ("Origin", settings.HVX_ORIGIN),
                ("Database", connection.vendor),
                ("Registration", settings.HVX_REGISTRATION),
                ("Accounts", figure(Account.objects.all())),
                ("Allow-list", _on(settings.HVX_FEDERATION_ALLOW_LIST)),
                ("Signed reads alone (secure mode)", _on(settings.HVX_FEDERATION_SECURE_MODE)),
                ("Proofs on what is sent", _on(settings.HVX_FEDERATION_PROOFS)),
                ("Servers on the loopback", _on(settings.HVX_FEDERATION_ALLOW_PRIVATE)),
            ],
        ),
        Table(
            "Operators",
            ("Name", "Since", "Seen last in a session that is open"),
            [
                (operator.name, operator.created_at, last.get(operator.pk))
                for operator in Operator.objects.order_by("name")[:SHOWN]
            ],
        ),
        Table(
            "Data keys of the vault",
            ("Purpose", "Generation", "Made", "State"),
            [
                (row.purpose, row.generation, row.created_at, "in force" if row.wrapped else "destroyed")
                for row in ring
            ],
        ),
    ]
    return _shown(request, {**context, "title": "This server", "parts": parts})


def audit_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The newest rows of all chains; `manage.py audit show` looks further."""
    asked = request.GET.get("event", "")
    event = asked if asked in set(Event) else None
    key, names = keys.current().chain, _names()
    rows = []
    for row in found(event=event)[:SHOWN]:
        genuine = row.is_genuine(key)
        # What somebody else wrote there may be anything, and is nothing that happened.
        details = json.loads(row.details) if genuine else {"NOT AS WRITTEN:": "see manage.py audit verify"}
        rows.append(
            (
                row.at,
                row.event,
                ", ".join(f"{name} {value}" for name, value in details.items()),
                names.get(bytes(row.device_mac), ""),
                row.chain.partition(":")[0],
            )
        )
    columns = ("When", "Event", "Details", "Operator", "Chain")
    table = Table(f"The {SHOWN} newest rows", columns, rows)
    return _shown(
        request,
        {**context, "title": "Audit", "parts": [table], "events": sorted(Event), "event": event},
        "hvx/admin/audit.html",
    )


def _shown(
    request: HttpRequest, context: dict[str, Any], template: str = "activitypub/admin/thing.html"
) -> HttpResponse:
    return TemplateResponse(request, template, context)


def _names() -> dict[bytes, str]:
    """Operators by what stands for them in a row."""
    return {mac_of("operator", name): name for name in Operator.objects.values_list("name", flat=True)}


def _on(setting: bool) -> str:
    return "on" if setting else "off"


VIEWS: Final = (("server/", server_view, "server"), ("audit/", audit_view, "audit"))

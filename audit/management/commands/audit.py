"""`manage.py audit verify | show`: is the audit whole, and what does it say?"""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_datetime

from audit import keys, ports, queries
from audit.errors import Problem
from audit.events import Event
from audit.models import AuditRow
from audit.unreadable import UNREADABLE

MOST_ROWS = 100


class Command(BaseCommand):
    help = "The audit: prove that it is whole, or look things up in it."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
        verify = verbs.add_parser("verify", help="walk every chain; exit status 1 where anything is wrong")
        verify.add_argument("--json", action="store_true", help="one JSON object")
        show = verbs.add_parser("show", help="rows, newest first")
        show.add_argument("--account", help="a username or an account id")
        show.add_argument("--device", help="a device hash")
        show.add_argument("--network", help="an address; all of its /64 in IPv6")
        show.add_argument("--subject", help="what was typed at a login, or an exchange's id")
        show.add_argument(
            "--operator", help="the name of an operator who acted at the administration's pages"
        )
        show.add_argument("--event", choices=[str(event) for event in Event], metavar="EVENT")
        show.add_argument("--chain", help="a chain's name, as in the output")
        show.add_argument("--since", type=_time, metavar="TIME", help="RFC 3339; UTC where no zone is given")
        show.add_argument("--until", type=_time, metavar="TIME")
        show.add_argument("--limit", type=int, default=MOST_ROWS, help=f"at most so many ({MOST_ROWS})")
        show.add_argument("--json", action="store_true", help="one JSON object a line")
        for verb in (verify, show):
            ports.secrets(verb)

    def handle(self, *args: Any, **options: Any) -> None:
        ports.open_vault(self, options)
        try:
            if options["verb"] == "verify":
                self._verify(as_json=options["json"])
            else:
                self._show(options)
        except Problem as problem:
            raise CommandError(str(problem)) from None

    def _verify(self, *, as_json: bool) -> None:
        report = queries.verify()
        if as_json:
            self.stdout.write(json.dumps({"whole": report.whole, **asdict(report)}))
        else:
            for fault in report.faults:
                self.stdout.write(f"{fault.kind}: {fault}")
            if report.count > len(report.faults):
                self.stdout.write(f"… and {report.count - len(report.faults)} faults more")
            self.stdout.write(
                f"{report.rows} rows in {report.chains} chains, {report.checkpoints} checkpoints: "
                + ("whole" if report.whole else f"{report.count} faults")
            )
            if not report.head_file:
                self.stdout.write("There is no audit.head here: a database put back as a whole is not found.")
        if not report.whole:
            sys.exit(1)

    def _show(self, options: dict[str, Any]) -> None:
        account = options["account"]
        if account is not None:
            # An account that was erased is found by its id.
            account = ports.account_named(account) or account
        rows = queries.found(
            account=account,
            **{
                name: options[name]
                for name in ("device", "network", "subject", "operator", "event", "chain", "since", "until")
            },
        )
        key = keys.current().chain
        try:
            for row in rows[: max(options["limit"], 0)].iterator(chunk_size=1000):
                genuine = row.is_genuine(key)
                self.stdout.write(
                    json.dumps(_told(row, genuine=genuine))
                    if options["json"]
                    else _line(row, genuine=genuine)
                )
        except UNREADABLE:
            raise CommandError("a row cannot be read: manage.py audit verify says which.") from None


def _time(text: str) -> datetime:
    time = parse_datetime(text) or parse_datetime(f"{text}T00:00:00")
    if time is None:
        raise ValueError("no time")
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _details(row: AuditRow, *, genuine: bool) -> dict[str, Any]:
    """What somebody else wrote there may be anything, and is nothing that happened."""
    return dict(json.loads(row.details)) if genuine else {}


def _told(row: AuditRow, *, genuine: bool) -> dict[str, Any]:
    return {
        "chain": row.chain,
        "sequence": row.sequence,
        "at": row.at.astimezone(UTC).isoformat(),
        "event": row.event,
        "details": _details(row, genuine=genuine),
        "as_written": genuine,
        # Equal ones are equal words; which word, only whoever asks by it learns.
        "device": row.device_mac.hex(),
        "network": row.network_mac.hex(),
        "subject": row.subject_mac.hex(),
    }


def _line(row: AuditRow, *, genuine: bool) -> str:
    details = " ".join(f"{name}={value}" for name, value in _details(row, genuine=genuine).items())
    warning = "" if genuine else "NOT AS WRITTEN: see audit verify"
    marks = " ".join(
        f"{name}:{mac.hex()[:8]}"
        for name, mac in (
            ("device", row.device_mac),
            ("network", row.network_mac),
            ("subject", row.subject_mac),
        )
        if mac
    )
    kind, _, name = row.chain.partition(":")
    chain = f"{kind}:{name[:8]}" if name else kind
    at = row.at.astimezone(UTC).isoformat(sep=" ", timespec="seconds")
    parts = (at, f"{chain} {row.sequence}", row.event, details, marks, warning)
    return "  ".join(part for part in parts if part)

"""Reports: those that are open, listed; and one of them resolved."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from activitypub.models import Report
from activitypub.services import reports
from vault.verbs import asking

MOST = 100


class Open:
    """List reports that nobody has resolved, the oldest first, a hundred at most."""

    NAME = "reports"

    def add_to(self, parser: CommandParser) -> None:
        asking.add_to(parser)

    def run(self, command: BaseCommand, options: dict[str, Any]) -> None:
        asking.open_vault(command, options)
        waiting = Report.objects.select_related("reporter", "target").filter(resolved_at=None)
        for report in waiting.order_by("pk")[:MOST]:
            command.stdout.write(_lines(report))


class Resolve:
    """Put a report away: nothing of it is left to be done."""

    NAME = "resolve"

    def add_to(self, parser: CommandParser) -> None:
        parser.add_argument("report", type=int, help="its number, as `reports` lists it")
        asking.add_to(parser)

    def run(self, command: BaseCommand, options: dict[str, Any]) -> None:
        asking.open_and_join(command, options)
        report = Report.objects.filter(pk=options["report"]).first()
        if report is None or not reports.resolve(report):
            raise CommandError(f"there is no open report {options['report']}")
        command.stdout.write(f"Report {report.pk} is resolved.")


def _lines(report: Report) -> str:
    told = [
        f"{report.pk} {report.created_at:%Y-%m-%d %H:%MZ} {report.target.uri}",
        f"by {report.reporter.uri}{', told to their server' if report.forwarded else ''}",
        *report.post_uris,
        # What somebody wrote moves no cursor.
        "".join(sign if sign.isprintable() else " " for sign in report.comment),
    ]
    return "\n    ".join(line for line in told if line)


OPEN = Open()
RESOLVE = Resolve()

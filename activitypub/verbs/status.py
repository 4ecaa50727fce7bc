"""Show what is still to be delivered and done, and how it stands with the hosts that are to get it."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from activitypub.queries.deliveries import HostOverview, of_host, overview, totals
from activitypub.queries.errands import Waiting, waiting
from vault.verbs import asking

NAME = "status"


def add_to(parser: CommandParser) -> None:
    parser.add_argument("host", nargs="?", help="of one host alone: its name, with :port if it has one")
    asking.add_to(parser)


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    asking.open_vault(command, options)
    now = timezone.now()
    if options["host"]:
        name = options["host"].lower()
        command.stdout.write(_line(of_host(name, now)))
        _tell_errands(command, waiting(now, name))
        return
    all_ = totals(now)
    command.stdout.write(
        f"{all_.waiting} to deliver to {all_.hosts_waiting} hosts, {all_.due} of them due; "
        f"{all_.hosts_failing} hosts fail, {all_.hosts_paused} are paused."
    )
    _tell_errands(command, waiting(now))
    for host in overview(now):
        command.stdout.write(_line(host))


def _tell_errands(command: BaseCommand, errands: Sequence[Waiting]) -> None:
    total, due = sum(one.waiting for one in errands), sum(one.due for one in errands)
    command.stdout.write(f"{total} errands wait, {due} of them due.")
    for one in errands:
        begun = f"; begun {one.attempts} times at most" if one.attempts else ""
        command.stdout.write(
            f"{one.kind}: {one.waiting} wait, {one.due} due; next at {one.next_at:%Y-%m-%d %H:%M:%SZ}{begun}"
        )


def _line(host: HostOverview) -> str:
    told = [f"{host.waiting} waiting, {host.due} due"]
    if host.next_at is not None:
        told.append(f"next at {host.next_at:%Y-%m-%d %H:%M:%SZ}")
    if host.paused:
        told.append("paused")
    if host.is_left_alone:
        told.append("left alone until it speaks")
    elif host.failed_days:
        told.append(f"failed on {len(host.failed_days)} days since it was last heard")
    if host.breakers:
        told.append(f"{host.breakers} inboxes left alone for a minute")
    if host.error:
        told.append(f"last: {host.error}")
    if host.scheme:
        told.append(f"takes {host.scheme}")
    return f"{host.name}: {'; '.join(told)}"

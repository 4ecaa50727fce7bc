"""Lists of blocked hosts in and out, in the CSV that Mastodon's administrators exchange."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from activitypub.models import HostPolicy
from activitypub.protocol import blocklist
from activitypub.protocol.blocklist import BadBlocklist, Line
from activitypub.services import moderation
from vault.verbs import asking


class Import:
    """Decide as a list says of all hosts of which nothing is decided yet."""

    NAME = "import-blocklist"

    def add_to(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a CSV file, as Mastodon exports it")
        asking.add_to(parser)

    def run(self, command: BaseCommand, options: dict[str, Any]) -> None:
        path: Path = options["file"]
        try:
            with path.open(encoding="utf-8", newline="") as file:
                found = blocklist.read(file.read(blocklist.MAX_CHARACTERS + 1))
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise CommandError(f"{path} is no text in UTF-8") from None
        except BadBlocklist as bad:
            raise CommandError(f"{path}, {bad}. Nothing was decided") from None
        asking.open_and_join(command, options)
        made = moderation.take_over(found.lines)
        command.stdout.write(f"{made} of {len(found.lines)} hosts are decided now; the others were before.")
        if found.unnamed:
            command.stdout.write(f"{found.unnamed} lines hide the host's name: nothing is made of them.")


class Export:
    """Write what is decided about hosts as a list."""

    NAME = "export-blocklist"

    def add_to(self, parser: CommandParser) -> None:
        asking.add_to(parser)

    def run(self, command: BaseCommand, options: dict[str, Any]) -> None:
        asking.open_vault(command, options)
        command.stdout.write(exported(), ending="")


def exported() -> str:
    """What is decided about hosts, as a list."""
    # Who is let in and nothing else is no matter of a list of blocks.
    policies = HostPolicy.objects.order_by("host").exclude(
        severity="noop", reject_media=False, reject_reports=False
    )
    return blocklist.write(map(_line, policies.iterator()))


def _line(policy: HostPolicy) -> Line:
    return Line(
        policy.host,
        policy.severity,
        policy.reject_media,
        policy.reject_reports,
        policy.public_comment,
        policy.obfuscate,
    )


IMPORT = Import()
EXPORT = Export()

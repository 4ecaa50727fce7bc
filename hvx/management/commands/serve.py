"""`manage.py serve`: the server, in the foreground, until SIGINT or SIGTERM."""

import asyncio
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hvx.checks import settings_work_together
from hvx.serving import listening
from hvx.serving.master import Master, StartFailed
from vault import lock
from vault.memory import core_dumps_off


class Command(BaseCommand):
    help = "Serve HTTP and sockets at HVX_LISTEN."
    # This process is the master, in which Django is not set up. All checks run in a child of it.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--migrate", action="store_true", help="apply pending migrations before serving, after a back-up"
        )

    def handle(self, *args: Any, migrate: bool, **options: Any) -> None:
        core_dumps_off()
        for found in settings_work_together():
            raise CommandError(f"{found.msg} {found.hint or ''}".rstrip())
        try:
            with (
                lock.hold(settings.HVX_DATA_DIR),
                listening.public() as listener,
                listening.control() as control,
            ):
                asyncio.run(Master(listener, control, migrate=migrate, say=self.stderr.write).run())
        except (lock.Held, listening.CannotListen, StartFailed) as error:
            raise CommandError(str(error)) from None

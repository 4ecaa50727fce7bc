"""`manage.py errors_page > docs/errors.md`."""

from typing import Any

from django.core.management.base import BaseCommand

from hvx.errors_page import page


class Command(BaseCommand):
    help = "Print docs/errors.md anew: every code that a client can meet."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(page(), ending="")

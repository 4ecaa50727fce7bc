"""`manage.py dbshell`."""

from collections.abc import Iterable

from django.core.management.base import CommandError
from django.db.backends.sqlite3 import client


class DatabaseClient(client.DatabaseClient):
    """A plain database opens in the `sqlite3` program; an encrypted one is not handed to any."""

    def runshell(self, parameters: Iterable[str]) -> None:
        if self.connection.settings_dict["OPTIONS"].get("encryption", True):
            raise CommandError(
                "the database is encrypted, and its key leaves the server for no other program: "
                "use `manage.py shell`"
            )
        super().runshell(parameters)

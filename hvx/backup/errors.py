"""Why there is no back-up, or nothing to restore from one. Each is a sentence for an operator."""

from django.core.management.base import CommandError


class BackupFailed(CommandError):
    """Nothing was written."""


class RestoreRefused(CommandError):
    """The file or the place is not what it must be. Nothing was touched."""

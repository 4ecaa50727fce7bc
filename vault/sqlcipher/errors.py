"""What a database file can be instead of what it should be."""

from django.db import OperationalError


class WrongDatabase(OperationalError):
    """The file is not what the settings say. `str()` tells the operator what to do, and holds no key."""


class ConversionRefused(Exception):
    """The database stays as it is; `str()` tells the operator why."""

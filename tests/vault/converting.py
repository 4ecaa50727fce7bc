"""What the tests of conversion kill: one conversion of the database that HVX_DATA_DIR holds."""

from pathlib import Path

from django.conf import settings

from vault.sqlcipher import opening
from vault.sqlcipher.conversion import convert


def turn_over() -> None:
    """Encrypt a plain database, or leave an encrypted one plain."""
    path = Path(settings.DATABASES["default"]["NAME"])
    convert(path, encrypt=opening.is_plain(path))

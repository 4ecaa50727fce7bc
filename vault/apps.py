"""The vault as a Django application."""

from typing import Any

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models.signals import post_migrate


class VaultConfig(AppConfig):
    name = "vault"
    verbose_name = "Vault"

    def ready(self) -> None:
        from vault import checks  # noqa: F401

        post_migrate.connect(_ensure_ring, sender=self)


def _ensure_ring(*, using: str, **kwargs: Any) -> None:
    """Complete the key ring whenever the schema has been brought up to date."""
    from vault.models import DataKey
    from vault.services import ensure_ring

    if using != DEFAULT_DB_ALIAS:
        return
    if DataKey._meta.db_table in connections[using].introspection.table_names():
        ensure_ring()

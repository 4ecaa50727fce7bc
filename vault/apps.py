"""The vault as a Django application."""

from typing import Any

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models.signals import post_migrate, pre_migrate


class VaultConfig(AppConfig):
    name = "vault"
    verbose_name = "Vault"

    def ready(self) -> None:
        from vault import checks  # noqa: F401

        pre_migrate.connect(_let_migrate, sender=self)
        post_migrate.connect(_ensure_ring, sender=self)


def _let_migrate(*, using: str, **kwargs: Any) -> None:
    from vault import guards

    if using == DEFAULT_DB_ALIAS:
        guards.step_aside()


def _ensure_ring(*, using: str, **kwargs: Any) -> None:
    """Complete the key ring whenever the schema has been brought up to date."""
    from vault.models import DataKey
    from vault.rotation import guard_again
    from vault.services import ensure_ring

    if using != DEFAULT_DB_ALIAS:
        return
    tables = connections[using].introspection.table_names()
    if DataKey._meta.db_table in tables:
        ensure_ring()
        guard_again(tables)

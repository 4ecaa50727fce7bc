"""An application of its own for the rows that these tests seal."""

from django.apps import AppConfig


class VaultRecordsConfig(AppConfig):
    name = "tests.vault"
    label = "vault_records"

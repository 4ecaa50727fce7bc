"""Reads of the key ring."""

from vault.models import DataKey


def data_keys() -> list[DataKey]:
    """Return every row of the ring, of each purpose the newest generation last."""
    return list(DataKey.objects.order_by("purpose", "generation"))

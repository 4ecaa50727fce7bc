"""Reads of the key ring."""

from vault.models import DataKey


def data_keys() -> list[DataKey]:
    """Return every living key of the ring, of each purpose the newest generation last."""
    return list(DataKey.objects.exclude(wrapped=DataKey.DESTROYED).order_by("purpose", "generation"))

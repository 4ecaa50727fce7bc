"""Where the desks are kept for the two minutes: in this process, or in Redis. Never in the database."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from keyexchange.store.base import ExchangeStore


@cache
def exchange_store() -> ExchangeStore:
    """The store that `HVX_EXCHANGE_STORE` names, one for the process."""
    store: ExchangeStore = import_string(settings.HVX_EXCHANGE_STORE)()
    return store

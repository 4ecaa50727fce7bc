"""By which signature scheme hosts are spoken to, written down."""

from django.db import transaction

from activitypub.protocol.signatures.policy import Scheme
from activitypub.services import hosts
from activitypub.turns import turn


def took(name: str, scheme: Scheme) -> None:
    """This host, `host[:port]`, has taken a request that was signed so, and not one by the other scheme."""
    with turn(), transaction.atomic():
        host = hosts.rows([name])[name]
        host.scheme = scheme
        host.save(update_fields=["scheme"])

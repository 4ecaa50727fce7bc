"""The ports that lower rooms own, and the functions of higher rooms that answer them.

This is the one place that knows both ends. Each function is called inside the caller's transaction.
"""

from functools import partial

from accounts import ports as account_ports
from accounts import queries
from activitypub import export as actor_export
from activitypub import ports as activitypub_ports
from activitypub.services import actors
from activitypub.services.announcing import announce_change
from activitypub.services.erasure import erase_actor
from audit import ports as audit_ports
from devices.ports import device_ended
from hvx.backup.parts import BackupPart
from hvx.schema import history
from keyexchange.services import end_exchanges_of
from vault import keyring
from vault.ports import ring_begun
from vault.verbs import asking


def _audit_key() -> bytes:
    return keyring.active(keyring.AUDIT).material


WIRES = (
    partial(audit_ports.key.connect, _audit_key),
    partial(audit_ports.secrets.connect, asking.add_to),
    partial(audit_ports.open_vault.connect, asking.open_vault),
    partial(audit_ports.account_named.connect, queries.id_of),
    partial(ring_begun.connect, history.note_beginning),
    partial(device_ended.connect, end_exchanges_of),
    partial(account_ports.account_made.connect, actors.prepare),
    partial(account_ports.account_erased.connect, erase_actor),
    partial(activitypub_ports.actor_changed.connect, announce_change),
    partial(account_ports.export_parts.connect, actor_export.parts),
)

# What a back-up holds beside the tables.
BACKUP_PARTS: tuple[BackupPart, ...] = ()


def wire() -> None:
    """Connect every port; twice does no harm."""
    for connect in WIRES:
        connect()

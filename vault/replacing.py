"""Another root key in the place of this one, or other protectors around it. Safe to be killed anywhere.

What is written, in this order: what the new protectors need (a key file beside the old one, an entry of
the keyring); the vault's file with both root keys, each opened by its own protectors and wrapping the
other; the key ring, in one transaction; then `vault.settling` leaves the one that the ring is under.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.db import connection

from audit.events import Event
from audit.services import record
from vault import keyring, keys, lock, queries, services, settling, vaultfile
from vault.errors import RingMissing
from vault.models import DataKey
from vault.protectors import keyfile
from vault.rootkey import RootKey
from vault.vaultfile import Document, Protector, Vault

Making = Callable[[RootKey], Sequence[Protector]]


def replace_root(make: Making) -> None:
    """Put a new root key in force. `make` gives its protectors, and tells people before it returns.

    No server may run on the data folder, for its workers hold keys derived from the old one. Raises
    lock.Held, RingMissing, Sealed, AuditUnavailable.
    """
    with lock.hold(Path(settings.HVX_DATA_DIR)), settling.changing(keys.vault_path()):
        former = _settled()
        if not has_ring():
            raise RingMissing("there is no key ring yet: run manage.py migrate first")
        new = RootKey.new()
        database_key = former.database_key()
        following = vaultfile.body(new, make(new), database_key, other=former.root)
        current = vaultfile.body(former.root, former.document.current.protectors, database_key, other=new)
        _tell_audit(Event.ROOT_KEY_ROTATION_BEGUN, {})
        vaultfile.write(keys.vault_path(), Document(current, following))
        services.rewrap_ring(former.root, new)
        settled = settling.settle_alone(former, keys.vault_path(), keys.root_key_path())
        keys.hold(settled.root)
        keyring.forget()


def replace_protectors(choose: Callable[[Vault], Sequence[Protector]], details: Mapping[str, str]) -> None:
    """Put other protectors around the same root key; the audit has it before it happens, or it does not.

    `choose` gives all of those that are to be, one at least. Raises Sealed, AuditUnavailable, ValueError.
    """
    with settling.changing(keys.vault_path()):
        vault = _settled()
        body = replace(vault.document.current, protectors=tuple(choose(vault))).signed(vault.root)
        _tell_audit(Event.VAULT_REWRAP_BEGUN, details)
        vaultfile.write(keys.vault_path(), Document(body))


def _settled() -> Vault:
    """Return the vault with one root key, for one who is `changing` its file.

    What another process left half-way since this one opened the vault would be lost by a new file.
    """
    vault = keys.opened()
    if vault.next_root is not None:
        vault = settling.settle_alone(vault, keys.vault_path(), keys.root_key_path())
        keys.hold(vault.root)
    return vault


def _tell_audit(event: Event, details: Mapping[str, str]) -> None:
    """Record what is about to come, where there is a database that has an audit yet.

    Committed before the file is written: whoever is killed in between leaves no protector unrecorded.
    """
    if has_ring():
        record(event, details=details)


def has_ring() -> bool:
    """Whether there is a database, and in it a key ring. Makes no database. Raises Sealed, its errors."""
    database = settings.DATABASES["default"]
    if "postgresql" not in database["ENGINE"] and not Path(database["NAME"]).exists():
        return False
    if DataKey._meta.db_table not in connection.introspection.table_names():
        return False
    return bool(queries.data_keys())


def with_key_file(root: RootKey) -> Protector:
    """Return a protector by the key file, which is made where there is none."""
    return Protector.make(root, keyfile.KIND, {}, keyfile.load_or_create(keys.root_key_path()))

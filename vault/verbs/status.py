"""Tell how the vault stands. Asks nobody for a secret and changes nothing; works while it is sealed."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error

from vault import attempts, control, keys, memory, queries, replacing, vaultfile
from vault.errors import RootKeyMissing, Sealed
from vault.protectors import unattended
from vault.sqlcipher.errors import WrongDatabase
from vault.vaultfile import Protector
from vault.verbs import choosing

NAME = "status"


def add_to(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="as one JSON object")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    found = status()
    command.stdout.write(json.dumps(found, indent=1) if options["json"] else _as_text(found))


def status() -> dict[str, Any]:
    """Return all of it. Where the vault does not open, `ring` is None and `reason` says why."""
    try:
        document = vaultfile.read(keys.vault_path())
    except RootKeyMissing:
        return {"vault": None, "server": _server()}
    told = {
        "vault": str(keys.vault_path()),
        "server": _server(),
        "protectors": [_told(protector) for protector in document.current.protectors],
        "rotation_interrupted": document.next is not None,
        "opens_by_itself": True,
        "reason": "",
        "ring": None,
        "attempts_not_in_audit": len(attempts.pending()),
    }
    try:
        # Held, not taken: what was interrupted stays as it is, for this only looks.
        keys.hold(unattended.open_vault(noted=False).root)
        told["ring"] = _ring()
    except Sealed as sealed:
        told |= {"opens_by_itself": keys.held(), "reason": str(sealed)}
    except WrongDatabase as wrong:
        told["reason"] = str(wrong)
    except Error as error:
        told["reason"] = f"the database does not answer ({type(error).__name__})"
    return told | {
        "memory_lock_refused": memory.refusal(),
        "core_dumps_off": memory.core_dumps_are_off(),
        "database_encryption": settings.HVX_DATABASE_ENCRYPTION,
    }


def _told(protector: Protector) -> dict[str, Any]:
    harmless = {name: value for name, value in protector.parameters.items() if name != "salt"}
    return {
        "id": protector.id,
        "kind": protector.kind,
        "told": choosing.told(protector),
        "parameters": harmless,
        "opens_by_itself": protector.kind in unattended.KEYS,
    }


def _server() -> str | None:
    """Return what the server on this data folder says that it is doing; None where none runs."""
    try:
        answers = list(control.ask(Path(settings.HVX_DATA_DIR), do="status"))
    except control.NoServer:
        return None
    return str(answers[-1].get("state")) if answers else None


def _ring() -> list[dict[str, Any]] | None:
    if not replacing.has_ring():
        return None
    return [
        {
            "purpose": row.purpose,
            "generation": row.generation,
            "id": str(row.id),
            "made": row.created_at.isoformat(timespec="seconds"),
        }
        for row in queries.data_keys()
    ]


def _as_text(found: dict[str, Any]) -> str:
    server = found["server"] or "none runs on this data folder"
    if found["vault"] is None:
        return f"vault: none yet\nserver: {server}"
    lines = [f"vault: {found['vault']}", f"server: {server}"]
    for each in found["protectors"]:
        how = "by itself" if each["opens_by_itself"] else "by people"
        lines.append(f"protector {each['id'][:8]}: {each['told']}, opens {how}")
    if found["rotation_interrupted"]:
        lines.append("a replacement of the root key was interrupted; the next opening ends it")
    lines.append(f"opens by itself: {'yes' if found['opens_by_itself'] else 'no'}")
    if found["reason"]:
        lines.append(f"reason: {found['reason']}")
    if found["ring"] is None:
        lines.append("key ring: not read")
    for key in found["ring"] or []:
        lines.append(f"key {key['id']}: {key['purpose']}, generation {key['generation']}, {key['made']}")
    refused = found["memory_lock_refused"]
    lines.append(f"memory for keys: {f'NOT locked ({refused})' if refused else 'locked'}")
    lines.append(f"unseal attempts not in the audit yet: {found['attempts_not_in_audit']}")
    lines.append(f"database encryption: {found['database_encryption']}")
    return "\n".join(lines)

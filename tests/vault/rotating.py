"""What a crash test of `rotate-root` does in the process that is killed, and looks at afterwards.

The data folder also has `notebook`: all shares that were ever shown, as the people would have them.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from vault import keyring, keys, queries, replacing, vaultfile
from vault.protectors import keyfile, shares
from vault.rootkey import RootKey
from vault.unsealing import Unsealing
from vault.vaultfile import Protector, Vault

PLANTED = b"what was sealed before any of it"


def _notebook() -> Path:
    return Path(os.environ["HVX_DATA_DIR"]) / "notebook"


def _planted() -> Path:
    return Path(os.environ["HVX_DATA_DIR"]) / "planted"


def prepare() -> None:
    """Seal a value, and protect the vault by shares too."""
    _planted().write_bytes(keyring.active(keyring.FIELDS).seal(b"place", PLANTED))
    replacing.replace_protectors(
        lambda vault: [*vault.document.current.protectors, _split(vault.root)], {"added": "shares"}
    )
    check()


def check() -> None:
    """Everything opens: by the key file, by shares that somebody has, the ring, the sealed value."""
    before = vaultfile.read(keys.vault_path())
    by_people = Unsealing(keys.vault_path())
    halves = {half.root for half in before.bodies}
    found = set()
    for written in _notebook().read_text().splitlines():
        for share in json.loads(written):
            if any(gathering.is_of(shares.read(share)) for gathering in by_people._gatherings):
                vault = _offered(by_people, share)
                if vault is not None:
                    found |= {root.id.hex() for root in (vault.root, vault.next_root) if root is not None}
                    break
    assert found == halves, "shares that were shown do not open"
    root = keys.root()
    assert vaultfile.read(keys.vault_path()).next is None
    assert keys.opened().root.id == root.id
    planted = _planted().read_bytes()
    assert keyring.named_by(keyring.FIELDS, planted).open(b"place", planted) == PLANTED
    assert len(queries.data_keys()) == len(keyring.PURPOSES)


def _offered(by_people: Unsealing, share: str) -> Vault | None:
    """Bring a share. One of a replaced set may be taken for one of this: SLIP-39 names sets by 15 bits.

    With a hundred sets in the notebook two of one name are likely. A false share costs nothing: the
    genuine ones must still open after it.
    """
    try:
        return by_people.offer(share).vault
    except shares.WrongShare as wrong:
        assert wrong.kept
        return None


def rotate() -> None:
    """Replace the root key once, wherever the last attempt has ended."""
    keys.root()
    replacing.replace_root(
        lambda root: [
            Protector.make(root, keyfile.KIND, {}, keyfile.draft_next(keys.root_key_path())),
            _split(root),
        ]
    )
    assert not keys.root_key_path().with_name("root.key.next").exists()


def _split(root: RootKey) -> Protector:
    made = shares.protect(2, 2)
    _write_down(made.shares)
    return Protector.make(root, shares.KIND, made.parameters, made.key)


def _write_down(shown: Sequence[str]) -> None:
    with _notebook().open("a") as notebook:
        notebook.write(json.dumps(shown) + "\n")
        notebook.flush()
        os.fsync(notebook.fileno())

"""A back-up of a server whose root key or data key was being replaced opens by what is left, or is none."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from hvx.backup import making, opening
from hvx.backup.errors import BackupFailed, RestoreRefused
from tests.hvx.backup.places import begun, key_file, place, restore
from tests.live import MANAGE, REPOSITORY, LiveServer
from vault import keys, ownfile, vaultfile
from vault.errors import RootKeyMismatch, VaultFileDamaged
from vault.protectors import keyfile
from vault.rootkey import RootKey
from vault.vaultfile import Document, Protector

KILLED = 137

# Each ends the process at one moment: with the file of two root keys written, and the ring under the old
# one or under the new.
BEFORE_THE_RING = "services.rewrap_ring = lambda *given: os._exit(137)"
AFTER_THE_RING = "settling.settle_alone = lambda *given: os._exit(137)"

ROTATE_ROOT = """
import os
from vault import keys, replacing, services, settling
from vault.protectors import keyfile
from vault.vaultfile import Protector
keys.root()
{}
replacing.replace_root(
    lambda root: [Protector.make(root, "keyfile", {{}}, keyfile.draft_next(keys.root_key_path()))]
)
"""

ROTATE_DATA = """
import os
from vault import keys, rotation
keys.root()
rotation.begin()
os._exit(137)
"""


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[LiveServer]:
    server = begun(tmp_path / "origin")
    server.manage("rotate_token_key")
    yield server
    server.close()


def killed(server: LiveServer, code: str) -> None:
    done = subprocess.run(
        [*MANAGE, "shell", "--no-imports", "--command", code],
        env=server.env,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == KILLED, done.stderr


@pytest.mark.parametrize("moment", [BEFORE_THE_RING, AFTER_THE_RING], ids=["ring old", "ring new"])
def test_a_back_up_after_a_killed_replacement_of_the_root_key_opens_by_the_key_file_that_is_left(
    origin: LiveServer, tmp_path: Path, moment: str
) -> None:
    killed(origin, ROTATE_ROOT.format(moment))
    assert vaultfile.read(origin.data_dir / vaultfile.NAME).next is not None
    origin.manage("backup", str(tmp_path / "b.hvx"))
    target = place(tmp_path / "target", origin)
    restore(tmp_path / "b.hvx", origin, target)
    assert key_file(target).read_bytes() == key_file(origin).read_bytes()
    for server in (origin, target):
        assert "whole" in server.manage("audit", "verify")
        assert vaultfile.read(server.data_dir / vaultfile.NAME).next is None
    target.manage("rotate_token_key")


def test_a_back_up_in_the_middle_of_a_rotation_of_data_keys_opens_and_the_rotation_goes_on(
    origin: LiveServer, tmp_path: Path
) -> None:
    killed(origin, ROTATE_DATA)
    # From here on values stand under both.
    origin.manage("rotate_token_key")
    origin.manage("backup", str(tmp_path / "b.hvx"))
    target = place(tmp_path / "target", origin)
    restore(tmp_path / "b.hvx", origin, target)
    assert "the older keys are destroyed" in target.manage("vault", "rotate-data")
    assert "whole" in target.manage("audit", "verify")


# --- two root keys at once


def two_root_keys(tmp_path: Path) -> Document:
    """The file of this process's root key while it is being replaced, by key files at `old` and `new`."""
    root, new, database_key = keys.root(), RootKey.new(), keys.opened().database_key()

    def half(mine: RootKey, other: RootKey, name: str) -> vaultfile.Body:
        key = keyfile.load_or_create(tmp_path / name)
        return vaultfile.body(mine, [Protector.make(mine, keyfile.KIND, {}, key)], database_key, other=other)

    return Document(half(root, new, "old"), half(new, root, "new"))


@pytest.fixture
def vault_file() -> Iterator[Path]:
    before = keys.vault_path().read_bytes()
    yield keys.vault_path()
    ownfile.replace(keys.vault_path(), before)


@pytest.mark.django_db(transaction=True)
def test_while_the_root_key_is_being_replaced_there_is_no_back_up(vault_file: Path, tmp_path: Path) -> None:
    vaultfile.write(vault_file, two_root_keys(tmp_path))
    with pytest.raises(BackupFailed, match="the root key is being replaced"):
        making.make(tmp_path / "b.hvx", say=lambda said: None)
    assert not (tmp_path / "b.hvx").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("root", [RootKey.new(), None], ids=["another root key's", "changed"])
def test_a_vaults_file_that_does_not_open_by_the_root_key_makes_no_back_up(
    vault_file: Path, tmp_path: Path, root: RootKey | None
) -> None:
    if root is not None:
        vaultfile.write(vault_file, vaultfile.new(root, vaultfile.read(vault_file).current.protectors))
    else:
        held = vaultfile.read(vault_file).current
        vaultfile.write(vault_file, Document(replace(held, protectors=held.protectors * 2)))
    with pytest.raises((RootKeyMismatch, VaultFileDamaged)):
        making.make(tmp_path / "b.hvx", say=lambda said: None)
    assert not (tmp_path / "b.hvx").exists()


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("name", ["old", "new"])
def test_a_back_up_with_two_root_keys_is_refused_whichever_key_file_opens_it(
    tmp_path: Path, name: str, named: bool
) -> None:
    vaultfile.write(tmp_path / "vault.json", two_root_keys(tmp_path))

    def nobody(unsealing: object) -> NoReturn:
        raise AssertionError("somebody is asked")

    with pytest.raises(RestoreRefused, match=r"root key was being replaced.*Nothing was touched"):
        opening.root((tmp_path / "vault.json").read_bytes(), tmp_path / name, nobody, named=named)

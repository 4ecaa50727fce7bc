"""Replacing the root key: everything is wrapped anew, and it may be killed at any moment."""

import fcntl
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management.base import BaseCommand

from audit.errors import AuditUnavailable
from audit.models import AuditRow
from tests.crashes import ENDED, KILLED, Crashes
from tests.live import REPOSITORY
from vault import keyring, keys, lock, ownfile, replacing, rotation, services, settling, vaultfile
from vault.errors import CannotOpen, RingMissing, RootKeyMismatch
from vault.memory import LockedBytes
from vault.models import DataKey
from vault.protectors import credential, keyfile
from vault.protectors import keyring as system_keyring
from vault.rootkey import RootKey
from vault.services import ensure_ring
from vault.vaultfile import Protector
from vault.verbs import rotate_root

DEATHS = 100


@pytest.fixture
def ring(transactional_db: None, root_key_path: Path) -> Iterator[Path]:
    """A vault with a ring; gives the key file."""
    DataKey.objects.all().delete()
    ensure_ring()
    yield root_key_path
    DataKey.objects.all().delete()


def anew(root: RootKey) -> list[Protector]:
    return [Protector.make(root, keyfile.KIND, {}, keyfile.draft_next(keys.root_key_path()))]


def test_a_new_root_key_wraps_the_same_keys(ring: Path) -> None:
    sealed = keyring.active(keyring.FIELDS).seal(b"place", b"plain text")
    before, database_key, key_file = keys.root().id, keys.database_key(), ring.read_bytes()
    before_rows = dict(DataKey.objects.values_list("id", "wrapped"))
    replacing.replace_root(anew)
    keys.forget()
    keyring.forget()
    assert keys.root().id != before
    assert keys.database_key() == database_key
    assert ring.read_bytes() != key_file
    assert keyring.named_by(keyring.FIELDS, sealed).open(b"place", sealed) == b"plain text"
    after_rows = dict(DataKey.objects.values_list("id", "wrapped"))
    assert after_rows.keys() == before_rows.keys()
    assert not set(after_rows.values()) & set(before_rows.values())
    assert sorted(entry.name for entry in ring.parent.iterdir()) == [
        ".vault.json.lock",
        "root.key",
        "vault.json",
    ]


def test_the_old_key_file_opens_the_new_vault_no_more(ring: Path) -> None:
    old = keyfile.load(ring)
    replacing.replace_root(anew)
    [protector] = vaultfile.read(keys.vault_path()).current.protectors
    with pytest.raises(CannotOpen):
        protector.open(old)


def test_a_replacement_is_in_the_audit(ring: Path) -> None:
    replacing.replace_root(anew)
    [row] = AuditRow.objects.filter(event="root_key_rotated")
    assert row.details == f'{{"keys":{len(keyring.PURPOSES)}}}'


def test_what_the_audit_cannot_record_does_not_happen(ring: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise AuditUnavailable

    before = keys.root().id
    with monkeypatch.context() as patch:
        patch.setattr(services, "record", refuse)
        with pytest.raises(AuditUnavailable):
            replacing.replace_root(anew)
    keys.forget()
    assert keys.root().id == before
    assert vaultfile.read(keys.vault_path()).next is None
    assert not ring.with_name("root.key.next").exists()
    assert keyring.load().active.keys() == set(keyring.PURPOSES)


def replace_the_root_key() -> None:
    replacing.replace_root(anew)


def replace_the_protectors() -> None:
    replacing.replace_protectors(lambda vault: anew(vault.root), {"added": "keyfile"})


class Killed(BaseException):
    """The process ended here."""


@pytest.mark.parametrize(
    ("change", "event"),
    [
        (replace_the_protectors, "vault_rewrap_begun"),
        (replace_the_root_key, "root_key_rotation_begun"),
    ],
)
def test_new_protectors_are_in_the_audit_though_the_process_is_killed_once_the_file_is_written(
    ring: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[], None], event: str
) -> None:
    write = vaultfile.write

    def killed(path: Path, document: vaultfile.Document) -> None:
        write(path, document)
        raise Killed

    monkeypatch.setattr(vaultfile, "write", killed)
    with pytest.raises(Killed):
        change()
    assert AuditRow.objects.filter(event=event).count() == 1


@pytest.mark.parametrize("change", [replace_the_protectors, replace_the_root_key])
def test_what_the_audit_cannot_record_changes_no_file(
    ring: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]
) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise AuditUnavailable

    before = keys.vault_path().read_bytes()
    monkeypatch.setattr(replacing, "record", refuse)
    with pytest.raises(AuditUnavailable):
        change()
    assert keys.vault_path().read_bytes() == before


def test_no_root_key_is_replaced_while_a_server_runs(ring: Path) -> None:
    before = keys.vault_path().read_bytes()
    with lock.hold(ring.parent), pytest.raises(lock.Held):
        replacing.replace_root(anew)
    assert keys.vault_path().read_bytes() == before


def test_no_root_key_is_replaced_before_there_is_a_ring(ring: Path) -> None:
    DataKey.objects.all().delete()
    with pytest.raises(RingMissing, match="there is no key ring yet"):
        replacing.replace_root(anew)
    assert not ring.with_name("root.key.next").exists()


def left_half_way() -> tuple[vaultfile.Document, RootKey, RootKey]:
    """The file as it is while the root key is being replaced, in its place; the former root key, the new."""
    former, new = keys.root(), RootKey.new()
    key = keys.opened().database_key()
    current = keys.opened().document.current.protectors
    half_way = vaultfile.Document(
        vaultfile.body(former, current, key, other=new), vaultfile.body(new, anew(new), key, other=former)
    )
    vaultfile.write(keys.vault_path(), half_way)
    return half_way, former, new


def test_a_ring_under_neither_root_key_is_not_settled(ring: Path) -> None:
    half_way, former, _ = left_half_way()
    stranger = RootKey.new()
    services.rewrap_ring(former, stranger)
    with pytest.raises(RootKeyMismatch, match="none of the vault file's root keys"):
        settling.settle(vaultfile.unlock(half_way, former), keys.vault_path(), ring)
    assert vaultfile.read(keys.vault_path()) == half_way


def test_a_database_without_a_ring_settles_nothing(ring: Path) -> None:
    half_way, former, _ = left_half_way()
    DataKey.objects.all().delete()
    with pytest.raises(RingMissing, match="is it the one of this vault"):
        settling.settle(vaultfile.unlock(half_way, former), keys.vault_path(), ring)
    assert vaultfile.read(keys.vault_path()) == half_way
    assert ring.with_name("root.key.next").exists()


@pytest.mark.parametrize("ring_is_new", [False, True])
def test_a_key_file_that_would_open_nothing_any_more_settles_nothing(ring: Path, ring_is_new: bool) -> None:
    half_way, former, new = left_half_way()
    following = ring.with_name("root.key.next")
    if ring_is_new:
        services.rewrap_ring(former, new)
        stays, there = following.read_bytes(), ring.read_bytes()
    else:
        stays, there = ring.read_bytes(), following.read_bytes()
    # A copy of the folder, with a copy of the key file that was kept elsewhere.
    following.unlink()
    ring.write_bytes(there)
    vault = vaultfile.unlock(half_way, former)
    with pytest.raises(RootKeyMismatch, match="put the one that stays in its place"):
        settling.settle(vault, keys.vault_path(), ring)
    assert vaultfile.read(keys.vault_path()) == half_way
    assert ring.read_bytes() == there
    ring.write_bytes(stays)
    keys.forget()
    assert keys.root().id == (new if ring_is_new else former).id
    assert vaultfile.read(keys.vault_path()).next is None


@pytest.mark.parametrize("ring_is_new", [False, True])
@pytest.mark.parametrize("there", [None, bytes(32)])
def test_without_a_key_file_that_opens_it_is_settled_all_the_same(
    ring: Path, ring_is_new: bool, there: bytes | None
) -> None:
    half_way, former, new = left_half_way()
    if ring_is_new:
        services.rewrap_ring(former, new)
    ring.with_name("root.key.next").unlink()
    ring.unlink()
    if there is not None:
        ownfile.create(ring, there)
    # People have opened it.
    vault = settling.settle(vaultfile.unlock(half_way, former), keys.vault_path(), ring)
    assert vault.root.id == (new if ring_is_new else former).id


@pytest.mark.parametrize("ring_is_new", [False, True])
def test_of_the_keyrings_entries_those_of_the_half_that_goes_are_discarded_and_no_other(
    ring: Path, monkeypatch: pytest.MonkeyPatch, ring_is_new: bool
) -> None:
    discarded: list[object] = []
    monkeypatch.setattr(system_keyring, "discard", discarded.append)

    def with_entries(root: RootKey, *entries: str) -> list[Protector]:
        made = [Protector.make(root, "keyring", {"entry": name}, LockedBytes.random(32)) for name in entries]
        return [*made, Protector.make(root, "credential", {"entry": "no entry"}, LockedBytes.random(32))]

    former, new, key = keys.root(), RootKey.new(), keys.opened().database_key()
    half_way = vaultfile.Document(
        vaultfile.body(former, with_entries(former, "old", "of both"), key, other=new),
        vaultfile.body(new, with_entries(new, "new", "of both"), key, other=former),
    )
    vaultfile.write(keys.vault_path(), half_way)
    if ring_is_new:
        services.rewrap_ring(former, new)
    settling.settle(vaultfile.unlock(half_way, former), keys.vault_path(), ring)
    assert discarded == [{"entry": "old" if ring_is_new else "new"}]


@pytest.mark.parametrize("ring_is_new", [False, True])
def test_what_another_process_left_half_way_is_settled_before_the_file_changes(
    ring: Path, ring_is_new: bool
) -> None:
    _, former, new = left_half_way()
    if ring_is_new:
        services.rewrap_ring(former, new)
    replacing.replace_protectors(lambda vault: vault.document.current.protectors, {"added": ""})
    assert vaultfile.read(keys.vault_path()).next is None
    assert keys.root().id == (new if ring_is_new else former).id
    keys.forget()
    keyring.forget()
    assert keyring.load().active.keys() == set(keyring.PURPOSES)


@pytest.mark.parametrize("ring_is_new", [False, True])
def test_a_replacement_begins_by_ending_one_that_was_left_half_way(ring: Path, ring_is_new: bool) -> None:
    _, former, new = left_half_way()
    if ring_is_new:
        services.rewrap_ring(former, new)
    left = {former.id, new.id}
    replacing.replace_root(anew)
    assert vaultfile.read(keys.vault_path()).next is None
    keys.forget()
    keyring.forget()
    assert keys.root().id not in left
    assert keyring.load().active.keys() == set(keyring.PURPOSES)


def test_no_data_key_is_begun_under_a_root_key_that_was_replaced_meanwhile(ring: Path) -> None:
    wrapping = RootKey.new().envelope_key("wrap", "copy")
    former = RootKey.unwrapped(wrapping, b"", keys.root().wrapped(wrapping, b""))
    replacing.replace_root(anew)
    DataKey.objects.filter(purpose=keyring.FILES).delete()
    keys.hold(former)
    with pytest.raises(RootKeyMismatch):
        services._begin(former, [keyring.FILES])
    assert not DataKey.objects.filter(purpose=keyring.FILES).exists()


def test_a_protector_that_another_command_has_added_meanwhile_is_made_anew_too(
    ring: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "hvx-root").write_bytes(bytes(range(32)))
    replace_root = replacing.replace_root

    def added(vault: vaultfile.Vault) -> list[Protector]:
        by_credential = Protector.make(vault.root, credential.KIND, {}, credential.kek())
        return [*vault.document.current.protectors, by_credential]

    def later(make: replacing.Making) -> None:
        replacing.replace_protectors(added, {"added": "credential"})
        replace_root(make)

    monkeypatch.setattr(replacing, "replace_root", later)
    rotate_root.run(BaseCommand(stdout=StringIO()), {})
    kinds = [each.kind for each in vaultfile.read(keys.vault_path()).current.protectors]
    assert kinds == ["keyfile", "credential"]


def one_more_purpose() -> None:
    DataKey.objects.filter(purpose=keyring.FILES).delete()
    services._begin(keys.root(), [keyring.FILES])


@pytest.mark.parametrize("make", [one_more_purpose, rotation.begin])
def test_a_data_key_is_wrapped_while_nobody_else_changes_the_vaults_file(
    ring: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[], object]
) -> None:
    wrapped_alone: list[bool] = []
    wrap = keyring.wrap

    def wrapped(root: RootKey, row: DataKey, material: bytes) -> bytes:
        with keys.vault_path().with_name(".vault.json.lock").open("ab") as guard:
            try:
                fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                wrapped_alone.append(True)
            else:
                wrapped_alone.append(False)
        return wrap(root, row, material)

    monkeypatch.setattr(keyring, "wrap", wrapped)
    make()
    assert wrapped_alone == [True]


def test_a_key_file_that_an_interrupted_attempt_left_behind_takes_no_place(ring: Path) -> None:
    wrong = keyfile.draft_next(ring)
    replacing.replace_root(anew)
    assert bytes(keyfile.load(ring).view) != bytes(wrong.view)
    assert not ring.with_name("root.key.next").exists()


# --- killed half-way


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    """The environment of an embedded server's data folder, migrated, with its vault protected twice."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HVX_")}
    env |= {"HVX_DATA_DIR": str(tmp_path / "data"), "DJANGO_SETTINGS_MODULE": "hvx.settings"}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"], cwd=REPOSITORY, env=env, check=True, timeout=120
    )
    with Crashes("tests.vault.rotating:prepare", env) as preparing:
        assert preparing.run() == ENDED
    return env


def test_rotation_may_be_killed_at_any_moment_and_everything_still_opens(world: dict[str, str]) -> None:
    with (
        Crashes("tests.vault.rotating:rotate", world) as rotating,
        Crashes("tests.vault.rotating:check", world) as checking,
    ):
        began = time.monotonic()
        assert rotating.run() == ENDED
        whole = time.monotonic() - began
        deaths = ends = half_way = 0
        while deaths < DEATHS:
            outcome = rotating.kill_after(random.uniform(0, whole))
            assert outcome in (KILLED, ENDED)
            deaths += outcome == KILLED
            ends += outcome == ENDED
            assert ends < 4 * DEATHS
            half_way += vaultfile.read(Path(world["HVX_DATA_DIR"]) / vaultfile.NAME).next is not None
            assert checking.run() == ENDED
        assert rotating.run() == ENDED
        assert checking.run() == ENDED
    assert half_way > 0

"""The vault's file: whatever was changed in it is noticed, and it never gives another root key."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault import vaultfile
from vault.errors import CannotOpen, RootKeyError, RootKeyMismatch, RootKeyUnsafe, VaultFileDamaged
from vault.memory import LockedBytes
from vault.rootkey import RootKey
from vault.vaultfile import Document, Protector, Vault

ROOT, NEXT = RootKey(bytes(range(32))), RootKey(bytes(range(1, 33)))
KEY, OTHER_KEY, NEXT_KEY = (LockedBytes.of(bytes([number]) * 32) for number in (7, 8, 9))
DATABASE_KEY = LockedBytes.of(bytes([10]) * 32)


def plain() -> Document:
    """A file with two protectors."""
    return vaultfile.new(
        ROOT,
        [
            Protector.make(ROOT, "keyfile", {}, KEY),
            Protector.make(ROOT, "passphrase", {"memory": 262144}, OTHER_KEY),
        ],
        DATABASE_KEY,
    )


def half_way() -> Document:
    """A file whose root key is being replaced."""
    return Document(
        vaultfile.body(ROOT, [Protector.make(ROOT, "keyfile", {}, KEY)], DATABASE_KEY, other=NEXT),
        vaultfile.body(NEXT, [Protector.make(NEXT, "keyfile", {}, NEXT_KEY)], DATABASE_KEY, other=ROOT),
    )


def opened(document: Document, key: LockedBytes) -> Vault:
    """The file, opened by any protector that this key opens. Raises what refuses it."""
    for half in document.bodies:
        for protector in half.protectors:
            try:
                return vaultfile.unlock(document, protector.open(key))
            except CannotOpen:
                continue
    raise CannotOpen("none of them")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vault.json"


def changed(path: Path, document: Document, change: Any) -> Document:
    """The document as it is read after `change` was done to its JSON."""
    vaultfile.write(path, document)
    whole = json.loads(path.read_text())
    change(whole)
    path.write_text(json.dumps(whole))
    return vaultfile.read(path)


# --- what opens


def test_each_protector_opens_the_same_root_key_and_database_key(path: Path) -> None:
    vaultfile.write(path, plain())
    for key in (KEY, OTHER_KEY):
        vault = opened(vaultfile.read(path), key)
        assert vault.root.id == ROOT.id
        assert bytes(vault.database_key().view) == bytes(DATABASE_KEY.view)
        assert vault.next_root is None


def test_while_the_root_key_is_replaced_either_half_opens_both(path: Path) -> None:
    vaultfile.write(path, half_way())
    for key in (KEY, NEXT_KEY):
        vault = opened(vaultfile.read(path), key)
        assert vault.next_root is not None
        assert (vault.root.id, vault.next_root.id) == (ROOT.id, NEXT.id)
        assert bytes(vault.database_key().view) == bytes(DATABASE_KEY.view)


def test_the_file_holds_no_key_in_the_clear(path: Path) -> None:
    vaultfile.write(path, half_way())
    raw = path.read_bytes()
    for key in (bytes(range(32)), bytes(range(1, 33)), bytes(DATABASE_KEY.view), bytes(KEY.view)):
        assert key not in raw
        assert key.hex().encode() not in raw


def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    vaultfile.write(path, plain())
    assert path.stat().st_mode & 0o7777 == 0o600
    path.chmod(0o644)
    with pytest.raises(RootKeyUnsafe, match="0644"):
        vaultfile.read(path)


def test_making_a_file_replaces_none(path: Path) -> None:
    assert vaultfile.create(path, plain())
    before = path.read_bytes()
    assert not vaultfile.create(path, half_way())
    assert path.read_bytes() == before


# --- what was changed


@pytest.mark.parametrize("document", [plain(), half_way()], ids=["one root key", "two root keys"])
def test_a_bit_flipped_anywhere_is_refused_or_gives_the_same_keys(path: Path, document: Document) -> None:
    vaultfile.write(path, document)
    whole = path.read_bytes()
    harmless = 0
    for place in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << bit
            try:
                vault = opened(vaultfile.parse(bytes(flipped), "here"), KEY)
            except (RootKeyError, CannotOpen) as refusal:
                assert str(refusal)
            else:
                assert vault.root.id == ROOT.id
                assert bytes(vault.database_key().view) == bytes(DATABASE_KEY.view)
                assert vault.document == document
                harmless += 1
    # White space that became other white space, and nothing else.
    assert harmless <= whole.count(b"\n") + whole.count(b" ") * 2


@given(raw=st.binary(max_size=400))
def test_what_is_no_file_of_ours_is_refused_in_one_sentence(raw: bytes) -> None:
    with pytest.raises(VaultFileDamaged, match="damaged, or of another version"):
        vaultfile.parse(raw, "here")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "null",
        '{"version": 2, "current": {}}',
        '{"version": true, "current": {}}',
        '{"version": 1, "current": []}',
        "[" * 50_000,
    ],
)
def test_json_that_is_no_vault_is_refused(text: str) -> None:
    with pytest.raises(VaultFileDamaged):
        vaultfile.parse(text.encode(), "here")


def test_a_member_that_stands_twice_is_refused(path: Path) -> None:
    vaultfile.write(path, plain())
    twice = path.read_bytes().replace(b'"version": 1', b'"version": 1, "version": 1', 1)
    with pytest.raises(VaultFileDamaged):
        vaultfile.parse(twice, "here")


def test_an_endless_file_is_not_read(path: Path) -> None:
    vaultfile.write(path, plain())
    with path.open("ab") as file:
        file.write(b" " * 70_000)
    with pytest.raises(RootKeyUnsafe, match="more than 65536"):
        vaultfile.read(path)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda whole: whole["current"]["protectors"].pop(), id="one removed"),
        pytest.param(lambda whole: whole["current"]["protectors"].reverse(), id="reordered"),
        pytest.param(
            lambda whole: whole["current"]["protectors"].extend(whole["current"]["protectors"]), id="doubled"
        ),
        pytest.param(
            lambda whole: whole["current"]["protectors"][1]["parameters"].update(memory=8), id="made cheap"
        ),
        pytest.param(lambda whole: whole["current"]["protectors"][1].update(kind="keyring"), id="renamed"),
        pytest.param(
            lambda whole: whole["current"].update(database_key=whole["current"]["protectors"][0]["wrapped"]),
            id="database key exchanged",
        ),
    ],
)
def test_a_protector_removed_added_or_weakened_is_noticed_by_whoever_opens(path: Path, change: Any) -> None:
    document = changed(path, plain(), change)
    with pytest.raises(VaultFileDamaged, match="changed by somebody who does not hold the root key"):
        opened(document, KEY)


@pytest.mark.parametrize("member", ["id", "kind", "parameters"])
def test_a_protector_opens_only_under_its_own_id_kind_and_parameters(member: str) -> None:
    mine = Protector.make(ROOT, "keyfile", {}, KEY)
    others: dict[str, Any] = {"id": "00" * 16, "kind": "keyring", "parameters": {"entry": "elsewhere"}}
    with pytest.raises(CannotOpen):
        replace(mine, **{member: others[member]}).open(KEY)


def test_a_protector_of_another_vault_opens_nothing_here(path: Path) -> None:
    stranger = RootKey.new()
    foreign = Protector.make(stranger, "keyfile", {}, KEY)
    mine = plain()
    swapped = Document(replace(mine.current, protectors=(foreign, *mine.current.protectors[1:])))
    vaultfile.write(path, swapped)
    with pytest.raises(RootKeyMismatch):
        opened(vaultfile.read(path), KEY)
    with pytest.raises(VaultFileDamaged):
        opened(vaultfile.read(path), OTHER_KEY)


def test_a_half_that_was_taken_away_is_noticed(path: Path) -> None:
    document = changed(path, half_way(), lambda whole: whole.pop("next"))
    with pytest.raises(VaultFileDamaged, match="lost the half"):
        opened(document, KEY)


def test_a_half_that_nobody_announced_is_noticed(path: Path) -> None:
    with pytest.raises(VaultFileDamaged, match="do not belong together"):
        opened(Document(plain().current, half_way().next), KEY)


def test_halves_of_two_replacements_do_not_go_together() -> None:
    stranger = RootKey.new()
    protector = Protector.make(stranger, "keyfile", {}, NEXT_KEY)
    foreign = vaultfile.body(stranger, [protector], DATABASE_KEY, other=ROOT)
    with pytest.raises(VaultFileDamaged, match="do not belong together"):
        opened(Document(half_way().current, foreign), KEY)


def test_a_vault_without_a_protector_is_never_written() -> None:
    with pytest.raises(ValueError, match="from 1 to 16"):
        vaultfile.new(ROOT, [])
    with pytest.raises(ValueError, match="from 1 to 16"):
        vaultfile.new(ROOT, [Protector.make(ROOT, "keyfile", {}, KEY)] * 17)

"""`manage.py vault` init, status, rewrap, shares and rotate-root, as an operator or a script runs them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import BaseCommand, CommandError

from tests.live import REPOSITORY
from vault import keys, vaultfile
from vault.protectors import keyring, passphrase, shares
from vault.protectors.shares import Gathering
from vault.rootkey import RootKey
from vault.vaultfile import Protector
from vault.verbs import rewrap, unseal
from vault.verbs.asking import Asking

PASSPHRASE, ANOTHER = "the first of the passphrases", "the second of the passphrases"
MANAGE = [sys.executable, "manage.py"]

Manage = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def env(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HVX_")}
    return kept | {"HVX_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "hvx.settings"}


@pytest.fixture
def manage(env: dict[str, str]) -> Manage:
    def run(*arguments: str, typed: str = "", ends: int = 0) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [*MANAGE, *arguments], cwd=REPOSITORY, env=env, input=typed, text=True, capture_output=True
        )
        assert done.returncode == ends, done.stderr
        return done

    return run


@pytest.fixture
def status(manage: Manage) -> Callable[[], dict[str, Any]]:
    def ask() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(manage("vault", "status", "--json").stdout)
        return found

    return ask


def shown(output: str) -> list[str]:
    return re.findall(r"^share \d+: (.+)$", output, re.MULTILINE)


def kinds(folder: Path) -> list[str]:
    return [protector.kind for protector in vaultfile.read(folder / "vault.json").current.protectors]


def opens(folder: Path, given: list[str]) -> bool:
    [protector] = [
        each for each in vaultfile.read(folder / "vault.json").current.protectors if each.kind == shares.KIND
    ]
    gathering = Gathering(protector)
    read = [shares.read(share) for share in given]
    return all(map(gathering.is_of, read)) and [gathering.offer(share) for share in read][-1] is not None


def test_one_life_of_a_vault(manage: Manage, folder: Path, status: Callable[[], dict[str, Any]]) -> None:
    assert status()["vault"] is None

    # Made for people alone: no key file, and nobody can migrate without them.
    made = manage(
        "vault", "init", "--protect", "passphrase", "--protect", "shares=2/3", "--stdin", typed=PASSPHRASE
    )
    first_shares = shown(made.stdout)
    assert len(first_shares) == 3
    assert opens(folder, first_shares[1:])
    assert not (folder / "root.key").exists()
    assert "nobody can be asked for this here" in manage("migrate", "-v0", ends=1).stderr
    told = status()
    assert (told["opens_by_itself"], told["ring"], told["core_dumps_off"]) == (False, None, True)
    assert not (folder / "hvx.sqlite3").exists()

    # A key file is added by the passphrase; from then on it opens by itself.
    manage("vault", "rewrap", "--add", "keyfile", "--stdin", typed=PASSPHRASE)
    manage("migrate", "-v0")
    told = status()
    assert told["opens_by_itself"]
    assert {key["purpose"] for key in told["ring"]} >= {"fields", "blind-index"}
    root = vaultfile.read(folder / "vault.json").current.root

    # Another passphrase, and other shares: the root key stays, what was opens no more.
    manage("vault", "rewrap", "--passphrase", "--stdin", typed=ANOTHER)
    second_shares = shown(manage("vault", "shares", "3/5", "--stdin").stdout)
    assert opens(folder, second_shares[2:])
    assert not opens(folder, first_shares)
    assert vaultfile.read(folder / "vault.json").current.root == root

    # Another root key: all that protect it are new, and each still opens.
    rotated = manage("vault", "rotate-root", "--stdin", typed=PASSPHRASE)
    assert vaultfile.read(folder / "vault.json").current.root != root
    assert opens(folder, shown(rotated.stdout)[:3])
    assert not opens(folder, second_shares)
    manage("vault", "rewrap", "--remove", "keyfile", "--remove", "shares")
    assert kinds(folder) == ["passphrase"]
    assert not (folder / "root.key").exists()
    manage("vault", "rewrap", "--add", "keyfile", "--stdin", typed=ANOTHER, ends=1)
    assert "one protector has to stay" in (
        manage("vault", "rewrap", "--remove", "passphrase", "--stdin", typed=PASSPHRASE, ends=1).stderr
    )
    manage("vault", "rewrap", "--add", "keyfile", "--stdin", typed=PASSPHRASE)
    assert kinds(folder) == ["passphrase", "keyfile"]
    assert status()["attempts_not_in_audit"] > 0

    for secret in (PASSPHRASE, ANOTHER, *first_shares, *second_shares):
        for file in folder.iterdir():
            assert secret.encode() not in file.read_bytes(), file.name


def test_what_a_removed_protector_left_behind_is_removed_and_nothing_else(
    root_key_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    discarded: list[object] = []
    monkeypatch.setattr(keyring, "discard", discarded.append)
    root_key_path.parent.mkdir()
    left = [root_key_path, root_key_path.with_name("root.key.next")]
    for path in left:
        path.write_bytes(bytes(32))
    rewrap._discard(
        [Protector("00" * 16, "keyring", {"entry": "one"}, ""), Protector("01" * 16, "shares", {}, "")]
    )
    assert discarded == [{"entry": "one"}]
    assert all(path.exists() for path in left)
    rewrap._discard([Protector("00" * 16, "keyfile", {}, "")])
    assert not any(path.exists() for path in left)
    assert len(discarded) == 1


def test_a_vault_is_made_once(manage: Manage, folder: Path) -> None:
    manage("vault", "init")
    before = (folder / "vault.json").read_bytes()
    assert "there is a vault already" in manage("vault", "init", ends=1).stderr
    assert (folder / "vault.json").read_bytes() == before


def test_no_vault_is_made_beside_a_database_of_another(manage: Manage, folder: Path) -> None:
    manage("migrate", "-v0")
    (folder / "vault.json").unlink()
    assert "there is a database already, of another vault" in manage("vault", "init", ends=1).stderr
    assert not (folder / "vault.json").exists()
    assert "there is no vault file at" in manage("migrate", "-v0", ends=1).stderr
    assert not (folder / "vault.json").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["init", "--protect", "magic"], "'magic' is no protector"),
        (["init", "--protect", "shares=1/3"], "at least two must come together"),
        (["init", "--protect", "shares=3/2"], "at least two must come together"),
        (["init", "--protect", "credential"], "gives this process no credentials"),
        (["init", "--protect", "passphrase", "--stdin"], "the input has ended"),
        (["init", "--protect", "passphrase"], "nobody can be asked"),
        (["init", "--protect", "passphrase", "--fd", "77"], "--fd 77: Bad file descriptor"),
    ],
)
def test_what_cannot_be_made_leaves_no_vault(
    manage: Manage, folder: Path, arguments: list[str], sentence: str
) -> None:
    assert sentence in manage("vault", *arguments, ends=1).stderr
    assert not (folder / "vault.json").exists()


def test_a_short_passphrase_makes_no_vault(manage: Manage, folder: Path) -> None:
    refused = manage("vault", "init", "--protect", "passphrase", "--stdin", typed="short words", ends=1)
    assert "at least 12 characters" in refused.stderr
    assert "short words" not in refused.stderr
    assert not (folder / "vault.json").exists()


def test_a_secret_is_read_from_a_descriptor(env: dict[str, str], folder: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, PASSPHRASE.encode() + b"\n")
    os.close(writing)
    arguments = ["vault", "init", "--protect", "passphrase", "--fd", str(reading)]
    subprocess.run([*MANAGE, *arguments], cwd=REPOSITORY, env=env, check=True, pass_fds=[reading])
    os.close(reading)
    assert kinds(folder) == ["passphrase"]


def test_a_wrong_passphrase_in_a_script_is_refused_at_once(manage: Manage, folder: Path) -> None:
    manage("vault", "init", "--protect", "passphrase", "--stdin", typed=PASSPHRASE)
    before = (folder / "vault.json").read_bytes()
    refused = manage(
        "vault", "rewrap", "--add", "keyfile", "--stdin", typed=f"{ANOTHER}\n{PASSPHRASE}", ends=1
    )
    assert "this passphrase does not open the vault" in refused.stderr
    assert (folder / "vault.json").read_bytes() == before


def test_all_is_asked_for_before_a_share_is_shown(manage: Manage, folder: Path) -> None:
    both = ["shares=2/3", "passphrase"]
    short = manage(
        "vault", "init", "--protect", both[0], "--protect", both[1], "--stdin", typed="short", ends=1
    )
    assert shown(short.stdout) == []
    manage("vault", "init")
    manage("migrate", "-v0")
    arguments = ["vault", "rewrap", "--add", both[0], "--add", both[1], "--stdin"]
    assert shown(manage(*arguments, typed="short", ends=1).stdout) == []
    manage("vault", "rewrap", "--add", both[0], "--stdin")
    manage("vault", "rewrap", "--add", both[1], "--stdin", typed=PASSPHRASE)
    assert kinds(folder) == ["keyfile", "shares", "passphrase"]
    before = (folder / "vault.json").read_bytes()
    for typed in ("short", ""):
        refused = manage("vault", "rotate-root", "--stdin", typed=typed, ends=1)
        assert shown(refused.stdout) == []
        assert "void" not in refused.stderr
    assert (folder / "vault.json").read_bytes() == before
    assert len(shown(manage("vault", "rotate-root", "--stdin", typed=ANOTHER).stdout)) == 3


# --- at a terminal


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Asking, StringIO, StringIO]]:
    """A person who types these answers, one a question."""

    def answers(*typed: str) -> tuple[Asking, StringIO, StringIO]:
        left = iter(typed)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("getpass.getpass", lambda prompt: next(left))
        out, err = StringIO(), StringIO()
        return Asking(BaseCommand(stdout=out, stderr=err), {}), out, err

    return answers


def test_a_person_types_a_new_passphrase_twice(typing: Callable[..., Any]) -> None:
    asking, _, err = typing("short", PASSPHRASE, "something else here", PASSPHRASE, PASSPHRASE)
    assert asking.new_passphrase() == PASSPHRASE
    assert err.getvalue().splitlines() == [
        "A passphrase has at least 12 characters.",
        "These two are not the same.",
    ]


def test_shares_come_into_force_once_a_person_has_typed_one_back(
    typing: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    split = shares.protect(2, 3)
    made = split.shares
    monkeypatch.setattr("secrets.randbelow", lambda most: 1)
    asking, out, err = typing("acadamic", made[0], made[1])
    asking.show(split)
    assert shown(out.getvalue()) == list(made)
    assert "word 1, 'acadamic', is not in the list" in err.getvalue()
    assert "This is another share." in err.getvalue()


@pytest.mark.parametrize("written", [False, True])
def test_shares_that_were_shown_are_called_void_where_it_fails_and_they_open_nothing(
    typing: Callable[..., Any], root_key_path: Path, monkeypatch: pytest.MonkeyPatch, *, written: bool
) -> None:
    root, split = RootKey.new(), shares.protect(2, 3)
    monkeypatch.setattr("secrets.randbelow", lambda most: 0)
    asking, _, err = typing(split.shares[0])

    def fail() -> None:
        asking.show(split)
        if written:
            root_key_path.parent.mkdir()
            by_shares = Protector.make(root, shares.KIND, split.parameters, split.key)
            vaultfile.create(keys.vault_path(), vaultfile.new(root, [by_shares]))
        raise CommandError("no more room on the disk")

    with pytest.raises(CommandError, match="no more room"), asking.telling_void():
        fail()
    said = err.getvalue()
    assert ("are void: they open nothing" in said) is not written
    assert ("keep them and the former ones" in said) is written


def test_a_person_opens_the_vault_by_shares_and_passphrase_alike(
    typing: Callable[..., Any], root_key_path: Path
) -> None:
    root = RootKey.new()
    split = shares.protect(2, 3)
    protectors = [
        Protector.make(root, shares.KIND, split.parameters, split.key),
        Protector.make(root, passphrase.KIND, *passphrase.protect(PASSPHRASE)),
    ]
    root_key_path.parent.mkdir()
    vaultfile.create(keys.vault_path(), vaultfile.new(root, protectors))
    for typed in ([split.shares[0], "acadamic " * 33, split.shares[2]], [ANOTHER, PASSPHRASE]):
        keys.forget()
        asking, _, err = typing(*typed)
        assert asking.opened().root.id == root.id
        assert len(err.getvalue().splitlines()) == len(typed) - 1


@pytest.mark.parametrize(
    ("have", "said"),
    [
        (2, "2 of the 3 shares that open the vault are here."),
        (3, "They do not open it: one of them is forged"),
        (4, "They do not open it: one of them is forged"),
    ],
)
def test_who_waits_is_told_that_enough_shares_do_not_open(have: int, said: str) -> None:
    assert said in unseal._progress({"have": have, "need": 3})


def test_wrong_answers_are_counted_since_the_last_share_that_was_taken(
    typing: Callable[..., Any], root_key_path: Path
) -> None:
    root = RootKey.new()
    split = shares.protect(3, 3)
    root_key_path.parent.mkdir()
    by_shares = Protector.make(root, shares.KIND, split.parameters, split.key)
    vaultfile.create(keys.vault_path(), vaultfile.new(root, [by_shares]))
    asking, _, _ = typing(
        split.shares[0], *["acadamic"] * 4, split.shares[1], *["acadamic"] * 4, split.shares[2]
    )
    assert asking.opened().root.id == root.id


def test_after_five_wrong_answers_nobody_is_asked_any_more(
    typing: Callable[..., Any], root_key_path: Path
) -> None:
    root = RootKey.new()
    split = shares.protect(2, 3)
    root_key_path.parent.mkdir()
    by_shares = Protector.make(root, shares.KIND, split.parameters, split.key)
    vaultfile.create(keys.vault_path(), vaultfile.new(root, [by_shares]))
    asking, _, _ = typing(*["acadamic"] * 6)
    with pytest.raises(CommandError, match="the vault was not opened"):
        asking.opened()

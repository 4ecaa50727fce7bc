"""Opening the vault with what people bring, and the record of every attempt."""

import json
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management.base import BaseCommand, CommandError

from audit.errors import AuditUnavailable
from audit.models import AuditRow
from vault import attempts, keys, ownfile, vaultfile
from vault.errors import (
    RootKeyError,
    RootKeyMismatch,
    RootKeyMissing,
    RootKeyUnsafe,
    Sealed,
    VaultFileDamaged,
)
from vault.memory import LockedBytes
from vault.protectors import credential, keyfile, passphrase, shares, unattended
from vault.protectors.shares import Split, WrongShare
from vault.rootkey import RootKey
from vault.unsealing import Unsealing, WrongPassphrase
from vault.vaultfile import Protector
from vault.verbs.asking import Asking

PASSPHRASE = "a passphrase of several words"
ROOT = RootKey(bytes(range(32)))


@pytest.fixture(scope="module")
def split() -> Split:
    return shares.protect(3, 5)


@pytest.fixture(scope="module")
def by_passphrase() -> Protector:
    return Protector.make(ROOT, passphrase.KIND, *passphrase.protect(PASSPHRASE))


@pytest.fixture
def path(root_key_path: Path, split: Split, by_passphrase: Protector) -> Path:
    """A vault that opens by three shares of five, or by a passphrase."""
    by_shares = Protector.make(ROOT, shares.KIND, split.parameters, split.key)
    root_key_path.parent.mkdir()
    vaultfile.create(keys.vault_path(), vaultfile.new(ROOT, [by_shares, by_passphrase]))
    return keys.vault_path()


def outcomes() -> list[tuple[str, str]]:
    return [(each["kind"], each["outcome"]) for each in attempts.pending()]


# --- shares and passphrases


def test_shares_are_gathered_one_at_a_time_and_a_wrong_one_costs_nothing(path: Path, split: Split) -> None:
    unsealing = Unsealing(path)
    assert unsealing.wants == ("passphrase", "shares")
    assert (unsealing.offer(split.shares[0]).have, unsealing.progress.need) == (1, 3)
    for wrong in (
        "acadamic acid",
        split.shares[0],
        shares.protect(3, 5).shares[1],
        " ".join(["academic"] * 33),
    ):
        with pytest.raises(WrongShare):
            unsealing.offer(wrong)
    assert unsealing.offer(split.shares[4]).have == 2
    last = unsealing.offer(split.shares[2])
    assert last.vault is not None
    assert last.vault.root.id == ROOT.id
    assert outcomes() == [
        ("shares", outcome) for outcome in ["gathered", *["refused"] * 4, "gathered", "opened"]
    ]


def test_once_open_nothing_of_the_shares_stays(path: Path, split: Split) -> None:
    unsealing = Unsealing(path)
    for share in split.shares[:3]:
        unsealing.offer(share)
    assert unsealing.progress.have == 0
    unsealing.offer(split.shares[0])
    unsealing.passphrase(PASSPHRASE)
    assert unsealing.progress.have == 0


def test_shares_that_were_replaced_meanwhile_open_nothing_more(path: Path, split: Split) -> None:
    unsealing = Unsealing(path)
    unsealing.offer(split.shares[0])
    unsealing.offer(split.shares[1])
    anew = shares.protect(2, 2)
    vaultfile.write(path, vaultfile.new(ROOT, [Protector.make(ROOT, shares.KIND, anew.parameters, anew.key)]))
    with pytest.raises(WrongShare, match="of another set"):
        unsealing.offer(split.shares[2])
    unsealing.offer(anew.shares[0])
    assert unsealing.offer(anew.shares[1]).vault is not None


def test_shares_to_a_vault_that_has_none_are_told_so(root_key_path: Path, split: Split) -> None:
    keys.begin()
    unsealing = Unsealing(keys.vault_path())
    assert unsealing.wants == ()
    with pytest.raises(WrongShare, match="this vault has no shares"):
        unsealing.offer(split.shares[0])


def test_the_right_passphrase_opens_and_a_wrong_one_says_no_more_than_that(path: Path) -> None:
    unsealing = Unsealing(path)
    for wrong in ("", "another passphrase", PASSPHRASE + " "):
        with pytest.raises(WrongPassphrase, match=r"^this passphrase does not open the vault$"):
            unsealing.passphrase(wrong)
    assert unsealing.passphrase(PASSPHRASE).root.id == ROOT.id
    assert outcomes() == [("passphrase", outcome) for outcome in ["refused"] * 3 + ["opened"]]


def test_a_file_that_was_changed_opens_for_nobody(path: Path, split: Split) -> None:
    whole = json.loads(path.read_text())
    whole["current"]["protectors"].pop()
    path.write_text(json.dumps(whole))
    unsealing = Unsealing(path)
    unsealing.offer(split.shares[0])
    unsealing.offer(split.shares[1])
    with pytest.raises(VaultFileDamaged):
        unsealing.offer(split.shares[2])


def test_what_was_gathered_stays_where_the_file_does_not_follow_and_the_last_share_is_brought_again(
    path: Path, split: Split
) -> None:
    unsealing = Unsealing(path)
    unsealing.offer(split.shares[0])
    unsealing.offer(split.shares[1])
    whole = path.read_bytes()
    changed = json.loads(whole)
    changed["current"]["protectors"].pop()
    ownfile.replace(path, json.dumps(changed).encode())
    for _ in range(2):
        with pytest.raises(VaultFileDamaged):
            unsealing.offer(split.shares[2])
        assert unsealing.progress.have == 2
    ownfile.replace(path, whole)
    assert unsealing.offer(split.shares[2]).vault is not None


def test_an_attempt_that_cannot_be_written_down_opens_nothing(path: Path, split: Split) -> None:
    unsealing = Unsealing(path)
    unsealing.offer(split.shares[0])
    unsealing.offer(split.shares[1])
    record = path.with_name(attempts.NAME)
    record.unlink()
    record.mkdir()
    with pytest.raises(RootKeyError):
        unsealing.offer(split.shares[2])
    with pytest.raises(RootKeyError):
        unsealing.passphrase(PASSPHRASE)
    record.rmdir()
    assert unsealing.offer(split.shares[2]).vault is not None


@pytest.mark.parametrize("verb", ["passphrase", "offer"])
def test_an_attempt_that_ends_by_an_error_nobody_thought_of_is_written_down_too(
    path: Path, split: Split, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    def fails(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(passphrase, "kek", fails)
    monkeypatch.setattr(shares, "read", fails)
    with pytest.raises(MemoryError):
        getattr(Unsealing(path), verb)("whatever was brought")
    assert outcomes() == [("passphrase" if verb == "passphrase" else "shares", "refused")]


@pytest.mark.parametrize("text", ["\ud800", f"{PASSPHRASE}\udcff"])
def test_a_passphrase_that_is_no_text_is_a_wrong_one_and_is_never_made(path: Path, text: str) -> None:
    with pytest.raises(WrongPassphrase):
        Unsealing(path).passphrase(text)
    assert outcomes() == [("passphrase", "refused")]
    with pytest.raises(ValueError, match="no text"):
        passphrase.protect(f"{PASSPHRASE}{text}")


def test_a_file_that_was_changed_is_an_attempt_refused_and_not_one_that_opened(path: Path) -> None:
    whole = json.loads(path.read_text())
    whole["current"]["protectors"].pop(0)
    path.write_text(json.dumps(whole))
    with pytest.raises(VaultFileDamaged):
        Unsealing(path).passphrase(PASSPHRASE)
    assert outcomes() == [("passphrase", "refused")]


def test_a_forged_share_is_named_and_written_down_once_the_vault_opens(path: Path, split: Split) -> None:
    unsealing = Unsealing(path)
    one = shares.read(split.shares[1])
    unsealing.offer(replace(one, value=bytes(32)).mnemonic())
    unsealing.offer(split.shares[0])
    with pytest.raises(WrongShare, match="forged"):
        unsealing.offer(split.shares[2])
    last = unsealing.offer(split.shares[3])
    assert last.vault is not None
    assert last.forged == (2,)
    assert [outcome for _, outcome in outcomes()] == ["gathered", "gathered", "refused", "forged", "opened"]


@pytest.mark.parametrize("change", [{"extendable": False}, {"group_index": 1}])
def test_a_share_with_other_words_of_its_set_is_refused_and_blocks_nothing(
    path: Path, split: Split, change: dict[str, int]
) -> None:
    unsealing = Unsealing(path)
    with pytest.raises(WrongShare, match="another set"):
        unsealing.offer(replace(shares.read(split.shares[0]), **change).mnemonic())
    assert [unsealing.offer(share).vault is not None for share in split.shares[:3]] == [False, False, True]


def test_a_script_that_brings_a_forged_share_opens_with_the_others_it_brings(
    path: Path, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = StringIO()

    def brings(*texts: str) -> RootKey:
        monkeypatch.setattr("sys.stdin", StringIO("\n".join([*texts, ""])))
        return Asking(BaseCommand(stderr=told), {"stdin": True}).by_people(Unsealing(path)).root

    odd = replace(shares.read(split.shares[3]), value=bytes(32)).mnemonic()
    assert brings(odd, *split.shares[:3]).id == ROOT.id
    assert "one of them is forged" in told.getvalue()
    assert "Share 4 as it was brought is forged" in told.getvalue()
    other = replace(shares.read(split.shares[0]), extendable=False).mnemonic()
    with pytest.raises(CommandError, match="of another set"):
        brings(other, *split.shares[:3])


# --- with nobody there


@pytest.fixture
def by_keyfile(path: Path, root_key_path: Path, by_passphrase: Protector) -> Path:
    """A vault that a key file opens, and a passphrase."""
    key = keyfile.load_or_create(root_key_path)
    protectors = [Protector.make(ROOT, keyfile.KIND, {}, key), by_passphrase]
    vaultfile.write(path, vaultfile.new(ROOT, protectors))
    return path


def test_each_refusal_of_what_opens_by_itself_is_written_down(by_keyfile: Path, root_key_path: Path) -> None:
    root_key_path.chmod(0o644)
    with pytest.raises(RootKeyUnsafe):
        unattended.open_vault()
    root_key_path.unlink()
    with pytest.raises(RootKeyMissing):
        unattended.open_vault()
    keyfile.load_or_create(root_key_path)
    with pytest.raises(RootKeyMismatch):
        unattended.open_vault()
    assert outcomes() == [("keyfile", "refused")] * 3
    with pytest.raises(RootKeyMismatch):
        unattended.open_vault(noted=False)
    assert len(outcomes()) == 3


@pytest.mark.parametrize("spoil", ["mac", "root"])
def test_a_changed_file_is_told_at_once_and_no_person_is_asked(
    by_keyfile: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    whole = json.loads(by_keyfile.read_text())
    if spoil == "mac":
        whole["current"]["protectors"].pop()
    else:
        whole["current"]["root"] = "00" * 16
    by_keyfile.write_text(json.dumps(whole))

    def nobody(path: Path) -> vaultfile.Vault:
        raise AssertionError("somebody is asked")

    monkeypatch.setattr(keys, "_ask", nobody)
    with pytest.raises(VaultFileDamaged):
        keys.root()
    assert outcomes() == [("keyfile", "refused")]


def test_of_several_that_do_not_open_each_says_why(
    by_keyfile: Path, root_key_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    document = vaultfile.read(by_keyfile)
    added = Protector.make(ROOT, credential.KIND, {}, LockedBytes.random(32))
    vaultfile.write(by_keyfile, vaultfile.new(ROOT, [*document.current.protectors, added]))
    root_key_path.chmod(0o644)
    with pytest.raises(Sealed, match=r"mode 0644.*no credentials"):
        unattended.open_vault()
    assert outcomes() == [("keyfile", "refused"), ("credential", "refused")]


def test_a_vault_that_waits_for_people_is_sealed_and_says_for_what(path: Path) -> None:
    with pytest.raises(Sealed, match="waits for a passphrase or shares"):
        keys.root()
    assert not keys.held()


def test_a_wrong_key_file_is_written_down_and_the_next_protector_tried(
    path: Path, root_key_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "hvx-root").write_bytes(bytes(range(32)))
    lost = keyfile.load_or_create(tmp_path / "lost.key")
    by_credential = credential.kek()
    vaultfile.write(
        path,
        vaultfile.new(
            ROOT,
            [
                Protector.make(ROOT, "keyfile", {}, lost),
                Protector.make(ROOT, "credential", {}, by_credential),
            ],
        ),
    )
    keyfile.load_or_create(root_key_path)
    assert keys.root().id == ROOT.id
    assert outcomes() == [("keyfile", "refused")]


def test_a_person_at_the_terminal_is_asked_where_nothing_opens_by_itself(
    path: Path, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_ask", lambda asked: Unsealing(asked).passphrase(PASSPHRASE))
    assert keys.root().id == ROOT.id


def test_what_is_missing_is_not_asked_for_as_if_it_were_sealed(root_key_path: Path) -> None:
    with pytest.raises(RootKeyMissing):
        Unsealing(keys.vault_path())


# --- holding and letting go


def test_sealing_wipes_the_root_key_that_others_still_refer_to(root_key_path: Path) -> None:
    keys.begin()
    root = keys.root()
    keys.database_key()
    keys.forget()
    assert not keys.held()
    with pytest.raises(Sealed):
        root.derive("derive", "cache")


def test_a_root_key_of_another_vault_gives_no_database_key(root_key_path: Path) -> None:
    keys.begin()
    keys.hold(RootKey.new())
    with pytest.raises(RootKeyMismatch):
        keys.database_key()


def test_the_database_key_is_the_same_each_time_and_in_each_process(root_key_path: Path) -> None:
    keys.begin()
    first = keys.database_key()
    keys.forget()
    assert keys.database_key() == first
    assert len(first) == 32


# --- the record


@pytest.fixture
def place(settings: LazySettings, tmp_path: Path) -> Path:
    """A data folder, with the record in it."""
    settings.HVX_DATA_DIR = tmp_path
    return tmp_path / attempts.NAME


def joined() -> Sequence[str]:
    return [row.details for row in AuditRow.objects.filter(event="vault_unseal_attempt").order_by("sequence")]


def test_the_record_holds_time_kind_and_outcome_for_its_owner_alone(place: Path) -> None:
    attempts.note("shares", "gathered")
    assert place.stat().st_mode & 0o7777 == 0o600
    [line] = place.read_text().splitlines()
    assert json.loads(line).keys() == {"id", "at", "kind", "outcome"}


def test_attempts_join_the_audit_once_and_in_order(place: Path, db: None) -> None:
    attempts.note("passphrase", "refused")
    attempts.note("passphrase", "opened")
    assert attempts.join_audit() == 2
    assert [json.loads(details)["outcome"] for details in joined()] == ["refused", "opened"]
    assert not place.exists()
    assert attempts.join_audit() == 0
    assert len(joined()) == 2


def test_a_crash_between_the_audit_and_the_file_leaves_no_doubles(place: Path, db: None) -> None:
    attempts.note("passphrase", "refused")
    left = place.read_bytes()
    attempts.join_audit()
    # What a process leaves that is killed after the rows are committed.
    ownfile.replace(place, left)
    attempts.note("passphrase", "opened")
    attempts.join_audit()
    assert [json.loads(details)["outcome"] for details in joined()] == ["refused", "opened"]


def test_attempts_stay_in_the_file_while_the_audit_cannot_be_written(
    place: Path, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(entries: object) -> None:
        raise AuditUnavailable

    attempts.note("passphrase", "refused")
    with monkeypatch.context() as patch:
        patch.setattr("audit.services.record_all", refuse)
        with pytest.raises(AuditUnavailable):
            attempts.join_audit()
    assert len(attempts.pending()) == 1


def test_the_record_is_bounded_and_keeps_how_it_began_and_how_it_goes_on(place: Path) -> None:
    ownfile.replace(
        place,
        b"".join(
            json.dumps({"id": str(number), "at": "", "kind": "shares", "outcome": "refused"}).encode() + b"\n"
            for number in range(attempts.MOST)
        ),
    )
    attempts.note("shares", "opened")
    kept = attempts.pending()
    assert len(kept) == attempts.MOST
    assert [kept[0]["id"], kept[attempts.MOST // 2 - 1]["id"]] == ["0", str(attempts.MOST // 2 - 1)]
    assert [kept[-2]["id"], kept[-1]["outcome"]] == [str(attempts.MOST - 1), "opened"]


def test_a_full_record_joins_the_audit_and_only_once(place: Path, db: None) -> None:
    ownfile.replace(
        place,
        b"".join(
            json.dumps({"id": str(number), "at": "", "kind": "shares", "outcome": "refused"}).encode() + b"\n"
            for number in range(attempts.MOST)
        ),
    )
    left = place.read_bytes()
    assert attempts.join_audit() == attempts.MOST
    ownfile.replace(place, left)
    attempts.join_audit()
    assert len(joined()) == attempts.MOST


@pytest.mark.parametrize("spoilt", [b"\xff\xfe\n", b"{}\n", b"[1]\n", b'"word"\n', b"{" * 5000 + b"\n"])
def test_a_spoilt_line_does_not_keep_the_server_sealed_and_is_told(
    place: Path, db: None, spoilt: bytes
) -> None:
    attempts.note("passphrase", "refused")
    ownfile.replace(place, place.read_bytes() + spoilt)
    assert attempts.join_audit() == 2
    assert [json.loads(details)["outcome"] for details in joined()] == ["refused", "unreadable"]

"""The primitives that the vault stands on, against vectors that others published."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from shamir_mnemonic import MnemonicError, combine_mnemonics

from vault.envelope import EnvelopeKey
from vault.errors import CannotOpen
from vault.protectors import shares
from vault.protectors.shares import Gathering, WrongShare
from vault.rootkey import RootKey
from vault.vaultfile import Protector

pytestmark = pytest.mark.needs("vectors")

KEY_ID = bytes(16)


def cases(name: str) -> list[dict[str, Any]]:
    text = (Path(os.environ["HVX_VECTORS"]) / "crypto" / name).read_text()
    found: list[dict[str, Any]] = json.loads(text)["cases"]
    assert found
    return found


def bare_key(case: dict[str, Any]) -> EnvelopeKey:
    """A key whose associated data is the context alone, as the published cases have it."""
    key = EnvelopeKey(KEY_ID, bytes.fromhex(case["key"]))
    key._prefix = b""
    return key


def test_every_published_envelope_opens_or_refuses_as_it_should() -> None:
    outcomes = set()
    for case in cases("aes-256-gcm-siv.json"):
        key = bare_key(case)
        aad = bytes.fromhex(case["aad"])
        envelope = b"\x01" + KEY_ID + bytes.fromhex(case["iv"] + case["ct"] + case["tag"])
        if case["result"] == "valid":
            assert key.open(aad, envelope) == bytes.fromhex(case["msg"]), case["tcId"]
        else:
            with pytest.raises(CannotOpen):
                key.open(aad, envelope)
        outcomes.add(case["result"])
    assert outcomes == {"valid", "invalid"}


def test_sealing_with_a_published_nonce_gives_the_published_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    for case in cases("aes-256-gcm-siv.json"):
        if case["result"] != "valid":
            continue
        nonce = bytes.fromhex(case["iv"])
        monkeypatch.setattr("vault.envelope._nonce", lambda nonce=nonce: nonce)
        sealed = bare_key(case).seal(bytes.fromhex(case["aad"]), bytes.fromhex(case["msg"]))
        assert sealed == b"\x01" + KEY_ID + bytes.fromhex(case["iv"] + case["ct"] + case["tag"]), case["tcId"]


def test_every_published_derivation_gives_its_bytes_or_refuses() -> None:
    outcomes = set()
    for case in cases("hkdf-sha256.json"):
        salt, info = bytes.fromhex(case["salt"]), bytes.fromhex(case["info"])
        if case["result"] == "valid":
            hkdf = HKDF(algorithm=SHA256(), length=case["length"], salt=salt, info=info)
            assert hkdf.derive(bytes.fromhex(case["ikm"])).hex() == case["okm"], case["id"]
        else:
            with pytest.raises(ValueError, match="larger than 8160"):
                HKDF(algorithm=SHA256(), length=case["length"], salt=salt, info=info)
        outcomes.add(case["result"])
    assert outcomes == {"valid", "invalid"}


def test_a_root_key_derives_no_more_than_hkdf_can_give() -> None:
    root = RootKey(bytes(32))
    assert len(root.derive("derive", "purpose", 255 * 32)) == 8160
    with pytest.raises(ValueError, match="larger than 8160"):
        root.derive("derive", "purpose", 255 * 32 + 1)


def test_every_published_argon2id_gives_its_tag_or_refuses() -> None:
    outcomes = set()
    for case in cases("argon2id.json"):
        stretching = Argon2id(
            salt=bytes.fromhex(case["salt"]),
            length=case["length"],
            iterations=case["iterations"],
            lanes=case["lanes"],
            memory_cost=case["memory_kib"],
            ad=bytes.fromhex(case["associated_data"]) or None,
            secret=bytes.fromhex(case["secret"]) or None,
        )
        same = stretching.derive(bytes.fromhex(case["password"])).hex() == case["tag"]
        assert same is case["checked_ok"], case["id"]
        outcomes.add(same)
    assert True in outcomes


def test_every_published_set_of_shares_gives_its_secret_or_refuses() -> None:
    outcomes = set()
    for case in cases("slip39.json"):
        if case["valid"]:
            secret = combine_mnemonics(case["mnemonics"], b"TREZOR")
            assert secret.hex() == case["secret_hex"], case["id"]
        else:
            with pytest.raises(MnemonicError):
                combine_mnemonics(case["mnemonics"])
        outcomes.add(case["valid"])
    assert outcomes == {True, False}


def test_no_published_share_is_taken_for_one_of_this_vault() -> None:
    split = shares.protect(2, 3)
    gathering = Gathering(Protector.make(RootKey.new(), shares.KIND, split.parameters, split.key))
    for case in cases("slip39.json"):
        for mnemonic in case["mnemonics"]:
            with suppress(WrongShare):
                assert not gathering.is_of(shares.read(mnemonic)), case["id"]
    assert gathering.have == 0

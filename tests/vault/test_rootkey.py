"""The root key in memory: what it derives, how it is handed over, and that it shows nothing."""

import copy
import hashlib
import hmac
import os
import pickle

import pytest

from audit.protocol.encoding import lp
from vault.errors import RootKeyMissing, Sealed
from vault.rootkey import RootKey, read_from, write_to


def test_a_root_key_shows_nothing_and_is_neither_copied_nor_pickled() -> None:
    key = RootKey.new()
    assert repr(key) == str(key) == "<RootKey>"
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not copied or pickled"):
            attempt(key)


def test_derivation_is_hkdf_sha256_without_salt_over_label_kind_and_purpose() -> None:
    material = bytes(range(32))
    extracted = hmac.digest(bytes(32), material, hashlib.sha256)
    expanded = hmac.digest(extracted, lp("hvx-vault/1", "derive", "cache") + b"\x01", hashlib.sha256)
    assert RootKey(material).derive("derive", "cache") == expanded


def test_no_kind_derives_what_another_does() -> None:
    root = RootKey(bytes(range(32)))
    derived = [
        root.derive(kind, purpose) for kind in ("wrap", "seal", "derive") for purpose in ("a", "b", "")
    ]
    assert len(set(derived)) == len(derived)


def test_a_wiped_root_key_derives_nothing_more() -> None:
    root = RootKey.new()
    root.derive("derive", "cache")
    root.wipe()
    with pytest.raises(Sealed):
        root.derive("derive", "cache")
    with pytest.raises(Sealed):
        root.envelope_key("seal", "cache")


def test_a_root_key_goes_through_a_pipe_whole() -> None:
    root = RootKey.new()
    reading, writing = os.pipe()
    write_to(writing, root)
    os.close(writing)
    taken = read_from(reading)
    assert os.read(reading, 1) == b""
    os.close(reading)
    assert taken.id == root.id
    assert taken.derive("derive", "cache") == root.derive("derive", "cache")


@pytest.mark.parametrize("length", [0, 1, 31])
def test_a_root_key_that_does_not_come_whole_is_none(length: int) -> None:
    reading, writing = os.pipe()
    os.write(writing, bytes(length))
    os.close(writing)
    with pytest.raises(RootKeyMissing, match="did not hand it over"):
        read_from(reading)
    os.close(reading)

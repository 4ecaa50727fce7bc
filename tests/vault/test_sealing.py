"""Sealing what is no row."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault import keys
from vault.errors import CannotOpen, RootKeyMissing
from vault.sealing import open_bytes, seal_bytes


@pytest.fixture(autouse=True)
def root_key(root_key_path: Path) -> None:
    keys.begin()


@pytest.mark.parametrize(
    ("purpose", "context"),
    [
        ("other", ["a", "b"]),
        ("cache", ["b", "a"]),
        ("cache", ["a"]),
        ("cache", ["a", "b", ""]),
        ("cache", ["ab"]),
        ("cache", []),
    ],
)
def test_bytes_sealed_for_one_purpose_and_context_open_for_no_other(purpose: str, context: list[str]) -> None:
    sealed = seal_bytes("cache", ["a", "b"], b"plain text")
    with pytest.raises(CannotOpen):
        open_bytes(purpose, context, sealed)


def test_bytes_sealed_under_one_root_key_do_not_open_under_another(root_key_path: Path) -> None:
    sealed = seal_bytes("cache", [], b"plain text")
    for file in (root_key_path, keys.vault_path()):
        file.unlink()
    keys.forget()
    keys.begin()
    with pytest.raises(CannotOpen):
        open_bytes("cache", [], sealed)


def test_nothing_is_sealed_without_a_root_key(root_key_path: Path) -> None:
    root_key_path.unlink()
    keys.forget()
    with pytest.raises(RootKeyMissing):
        seal_bytes("cache", [], b"plain text")


def test_sealed_bytes_hold_no_plaintext() -> None:
    assert b"plain text" not in seal_bytes("cache", [], b"plain text")


@given(plaintext=st.binary(max_size=2048), context=st.lists(st.text(st.characters(codec="utf-8"))))
def test_sealed_bytes_open_where_they_belong(plaintext: bytes, context: list[str]) -> None:
    assert open_bytes("cache", context, seal_bytes("cache", context, plaintext)) == plaintext

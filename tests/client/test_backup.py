"""The back-up file: what is there already is neither overwritten nor taken for what it is not."""

from pathlib import Path

import pytest

from client.backup import read_back_up, write_back_up
from client.faults import Fault

pytestmark = pytest.mark.needs("gnupg")

KEY = "an armored key, as far as this file is concerned\n"


@pytest.mark.parametrize(
    ("held", "asked"),
    [
        (("another key\n", None), None),
        ((KEY, None), "words"),
        ((KEY, "words"), None),
        ((KEY, "words"), "other words"),
        (("another key\n", "words"), "words"),
    ],
)
def test_another_file_is_not_overwritten_and_not_taken_for_the_back_up(
    tmp_path: Path, held: tuple[str, str | None], asked: str | None
) -> None:
    file = tmp_path / "backup"
    write_back_up(file, *held)
    before = file.read_bytes()
    with pytest.raises(Fault, match="is there already"):
        write_back_up(file, KEY, asked)
    assert file.read_bytes() == before


@pytest.mark.parametrize("passphrase", [None, "words"])
def test_the_same_back_up_made_again_is_left_as_it_is(tmp_path: Path, passphrase: str | None) -> None:
    file = tmp_path / "backup"
    write_back_up(file, KEY, passphrase)
    before = file.read_bytes()
    write_back_up(file, KEY, passphrase)
    assert file.read_bytes() == before
    assert read_back_up(file, lambda: passphrase or "") == KEY

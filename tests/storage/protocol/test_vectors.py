"""Every CID that others computed, and every file read back from its blocks."""

import hashlib
from typing import Any

import pytest

from storage.protocol.cids import Cid
from storage.protocol.reading import read
from tests.storage import vectors
from tests.storage.trees import built, other_program

pytestmark = pytest.mark.needs("vectors")

each_case = pytest.mark.parametrize("case", vectors.cases(), ids=vectors.name)


def test_there_are_vectors() -> None:
    assert len(vectors.cases()) >= 39


@each_case
def test_a_file_has_the_cid_and_as_many_blocks_as_kubo_gives_it(case: Any) -> None:
    content = vectors.content(case)
    assert hashlib.sha256(content).hexdigest() == case["sha256"]
    root, blocks = built(content)
    assert str(root.cid) == case["cids"]["kubo_v1_raw_leaves"]
    assert (root.length, len(blocks.held)) == (case["size"], case["blocks"]["kubo_v1_raw_leaves"])
    assert b"".join(read(root.cid, blocks.get)) == content


@each_case
@pytest.mark.parametrize(
    ("profile", "shape"),
    [
        ("kubo_v0", {"version": 0}),
        ("cidv1_dagpb_leaves", {}),
        ("cidv1_raw_leaves_no_reduce", {"leaves_in_nodes": False, "reduced": False}),
    ],
)
def test_files_in_the_shapes_of_other_profiles_are_read(
    case: Any, profile: str, shape: dict[str, Any]
) -> None:
    if not case["agrees"][profile]:
        # An empty file below a node: the programs differ, and an empty part is refused.
        assert case["size"] == 0
        return
    content = vectors.content(case)
    root, blocks = other_program(content, **shape)
    assert str(root) == case["cids"][profile]
    assert b"".join(read(root, blocks.get)) == content


@each_case
def test_every_cid_is_read_and_written_again_as_it_was(case: Any) -> None:
    for text in case["cids"].values():
        cid = Cid.from_text(text)
        assert str(cid) == text
        assert Cid.from_bytes(bytes(cid)) == cid

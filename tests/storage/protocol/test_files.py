"""Files as blocks: what was built is read, whole and in ranges, and nothing that is not what it says."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.protocol import building, dag_pb, unixfs
from storage.protocol.building import CHUNK_BYTES, MAX_LINKS, FileBuilder
from storage.protocol.cids import DAG_PB, RAW, Block, Cid
from storage.protocol.dag_pb import BadBlock, Link
from storage.protocol.reading import MAX_DEPTH, WrongBlock, length, read, walk
from storage.protocol.unixfs import Part, file_node
from tests.storage.trees import Blocks, built, bytes_field, message


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks and nodes so small that files of some hundred bytes have many levels."""
    small_chunks(monkeypatch)


def small_chunks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(building, "CHUNK_BYTES", 4)
    patch.setattr(building, "MAX_LINKS", 3)


@settings(max_examples=60)
@given(st.binary(max_size=300), st.integers(1, 40), st.integers(0, 310), st.integers(0, 310))
def test_what_was_built_is_read_whole_and_in_ranges(data: bytes, step: int, start: int, stop: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        small_chunks(patch)
        root, blocks = built(data, step=step)
    assert length(root.cid, blocks.get) == root.length == len(data)
    assert b"".join(read(root.cid, blocks.get)) == data
    assert b"".join(read(root.cid, blocks.get, start)) == data[start:]
    assert b"".join(read(root.cid, blocks.get, start, stop)) == data[start:stop]
    assert set(walk(root.cid, lambda cid: children(blocks, cid))) == set(blocks.held)
    assert root.stored >= sum(map(len, blocks.held.values()))


def children(blocks: Blocks, cid: Cid) -> list[Cid]:
    return [part.cid for part in file_node(Block(cid, blocks.get(cid))).parts]


@settings(max_examples=20)
@given(st.binary(max_size=200), st.integers(1, 50), st.integers(1, 50))
def test_the_cid_does_not_depend_on_how_the_bytes_came(data: bytes, one: int, other: int) -> None:
    assert built(data, step=one)[0] == built(data, step=other)[0]


@pytest.mark.usefixtures("small")
def test_every_flipped_bit_is_refused() -> None:
    data = bytes(range(40))
    root, blocks = built(data)
    assert len(blocks.held) == 10 + 4 + 2 + 1
    for cid, block in list(blocks.held.items()):
        for bit in range(8 * len(block)):
            flipped = bytearray(block)
            flipped[bit // 8] ^= 1 << bit % 8
            blocks.held[cid] = bytes(flipped)
            pieces: list[bytes] = []
            with pytest.raises(WrongBlock) as refused:
                pieces.extend(read(root.cid, blocks.get))
            assert refused.value.cid == cid
            assert data.startswith(b"".join(pieces))
        blocks.held[cid] = block


@pytest.mark.parametrize("change", [b"", b"\0", None])
def test_a_block_that_is_empty_longer_or_another_is_refused(change: bytes | None) -> None:
    root, blocks = built(bytes(CHUNK_BYTES) + b"end")
    leaf = Cid.of(RAW, b"end")
    blocks.held[leaf] = bytes(CHUNK_BYTES) if change is None else change and b"end" + change
    with pytest.raises(WrongBlock):
        list(read(root.cid, blocks.get))


def test_only_the_blocks_of_a_range_are_asked_for() -> None:
    data = random.Random(5).randbytes(CHUNK_BYTES * (MAX_LINKS + 2))
    root, blocks = built(data, step=len(data))
    blocks.asked.clear()
    start = CHUNK_BYTES * (MAX_LINKS + 1) + 5
    assert b"".join(read(root.cid, blocks.get, start, start + 10)) == data[start : start + 10]
    # The root, its second node, and that one's second leaf.
    assert len(blocks.asked) == 3


def test_a_full_node_is_the_root_and_one_more_leaf_makes_a_level() -> None:
    """No vector reaches beyond 174 leaves; so the tree's shape is held to what Kubo's balanced layout is."""
    builder, blocks = FileBuilder(), []
    chunk = bytes(CHUNK_BYTES)
    for _ in range(MAX_LINKS + 1):
        blocks += [block for block in builder.write(chunk) if block.cid.codec == DAG_PB]
    blocks += builder.finish()
    full, single, root = (file_node(block) for block in blocks)
    assert [len(full.parts), len(single.parts), len(root.parts)] == [MAX_LINKS, 1, 2]
    assert builder.root.length == root.length == CHUNK_BYTES * (MAX_LINKS + 1)
    assert builder.root.stored == root.stored


def test_building_holds_less_than_a_chunk_and_a_node_a_level() -> None:
    builder = FileBuilder()
    chunk = bytes(CHUNK_BYTES)
    for _ in range(MAX_LINKS * 3):
        list(builder.write(chunk))
    assert len(builder._held) < CHUNK_BYTES
    assert [len(level) <= MAX_LINKS for level in builder._levels] == [True, True]


def node(
    blocks: Blocks, parts: list[Part], *, lengths: list[int] | None = None, size: int | None = -1
) -> Cid:
    """A node above parts that may lie about them."""
    told = [part.length for part in parts] if lengths is None else lengths
    text = message(size=sum(told) if size == -1 else size, lengths=told)
    return blocks.put(DAG_PB, dag_pb.encode([Link(part.cid, part.stored) for part in parts], text))


def leaf(blocks: Blocks, data: bytes) -> Part:
    return Part(blocks.put(RAW, data), len(data), len(data))


def test_a_parent_that_lies_about_its_parts_is_refused() -> None:
    blocks = Blocks()
    one, two = leaf(blocks, b"one"), leaf(blocks, b"other")
    honest = node(blocks, [one, two])
    assert b"".join(read(honest, blocks.get)) == b"oneother"
    lies = {
        "a part is longer": node(blocks, [one, Part(two.cid, 6, two.stored)]),
        "a part is shorter": node(blocks, [one, Part(two.cid, 4, two.stored)]),
        "two lies that make up for each other": node(
            blocks, [Part(one.cid, 4, one.stored), Part(two.cid, 4, two.stored)]
        ),
        "all together is longer": node(blocks, [one, two], size=9),
        "all together is shorter": node(blocks, [one, two], size=7),
        "all together is not told": node(blocks, [one, two], size=None),
        "what is stored is more": node(blocks, [one, Part(two.cid, 5, 2**40)]),
        "a part's length is not told": node(blocks, [one, two], lengths=[3]),
        "a part too many is told": node(blocks, [one, two], lengths=[3, 5, 1]),
    }
    for what, root in lies.items():
        with pytest.raises(BadBlock):
            list(read(root, blocks.get))
        assert what


def test_a_tree_of_nothing_is_refused_before_it_is_walked() -> None:
    blocks = Blocks()
    part = leaf(blocks, b"")
    for _ in range(5):
        cid = node(blocks, [part] * 100)
        part = Part(cid, 0, len(blocks.held[cid]) + 100 * part.stored)
    with pytest.raises(BadBlock):
        list(read(part.cid, blocks.get))
    assert len(blocks.asked) == 1


def test_a_tree_that_is_too_deep_is_refused() -> None:
    blocks = Blocks()
    part = leaf(blocks, b"deep")
    for depth in range(MAX_DEPTH + 1):
        if depth == MAX_DEPTH:
            assert b"".join(read(part.cid, blocks.get)) == b"deep"
        cid = node(blocks, [part])
        part = Part(cid, 4, len(blocks.held[cid]) + part.stored)
    with pytest.raises(BadBlock):
        list(read(part.cid, blocks.get))


def test_a_file_that_says_to_be_enormous_gives_ranges_and_is_walked_once() -> None:
    blocks = Blocks()
    part = leaf(blocks, b"0123456789")
    for _ in range(8):
        cid = node(blocks, [part] * 100)
        part = Part(cid, part.length * 100, len(blocks.held[cid]) + 100 * part.stored)
    assert length(part.cid, blocks.get) == 10 * 100**8
    assert b"".join(read(part.cid, blocks.get, 10**15 + 8, 10**15 + 12)) == b"8901"
    assert set(walk(part.cid, lambda cid: children(blocks, cid))) == set(blocks.held)


def test_a_block_that_is_not_there_is_the_getter_s_error() -> None:
    root, blocks = built(bytes(CHUNK_BYTES) + b"end")
    del blocks.held[Cid.of(RAW, b"end")]
    pieces = read(root.cid, blocks.get)
    assert next(pieces) == bytes(CHUNK_BYTES)
    with pytest.raises(KeyError):
        next(pieces)


def raw_link(name: bytes | None = b"", size: int = 3, cid: bytes = bytes(Cid.of(RAW, b"one"))) -> bytes:
    link = bytes_field(1, cid) + (b"" if name is None else bytes_field(2, name))
    return bytes_field(2, link + dag_pb.number_field(3, size))


LINK = raw_link()
FILE = bytes_field(1, message(size=3, lengths=[3]))
NOT_NODES = {
    "data before links": FILE + LINK,
    "data twice": LINK + FILE + FILE,
    "another field": LINK + FILE + dag_pb.number_field(3, 1),
    "a byte after it": LINK + FILE + b"\0",
    "cut short": (LINK + FILE)[:-1],
    "a length beyond its end": b"\x0a\x7f",
    "a number in place of data": dag_pb.number_field(1, 1),
    "a number in place of a link": dag_pb.number_field(2, 1) + FILE,
    "a field of eight bytes": b"\x09" + bytes(8),
    "a group": b"\x0b\x0c",
    "a length in a longer form": LINK + b"\x0a\x88\x00" + FILE[2:],
    "a name that is no text": raw_link(name=b"\xff") + FILE,
    "a link without a CID": bytes_field(2, bytes_field(2, b"") + dag_pb.number_field(3, 3)) + FILE,
    "a link without a size": bytes_field(2, bytes_field(1, bytes(Cid.of(RAW, b"one")))) + FILE,
    "a link to another hash": raw_link(cid=b"\x01\x55\x00\x03one") + FILE,
    "a link with something after its CID": raw_link(cid=bytes(Cid.of(RAW, b"one")) + b"\0") + FILE,
    "a link out of order": bytes_field(
        2, dag_pb.number_field(3, 3) + bytes_field(1, bytes(Cid.of(RAW, b"one")))
    )
    + FILE,
}
NOT_FILES = {
    "no data": LINK,
    "nothing": b"",
    "a folder": LINK + bytes_field(1, message(kind=1, size=3, lengths=[3])),
    "a symbolic link": bytes_field(1, message(kind=4, data=b"/etc", size=4)),
    "a sharded folder": LINK + bytes_field(1, message(kind=5, size=3, lengths=[3])),
    "no type": LINK + bytes_field(1, message(size=3, lengths=[3])[2:]),
    "a part with a name": raw_link(name=b"secret.txt") + FILE,
    "a mode": LINK + bytes_field(1, message(size=3, lengths=[3], after=dag_pb.number_field(7, 0o644))),
    "a time": LINK + bytes_field(1, message(size=3, lengths=[3], after=bytes_field(8, b"\x08\x01"))),
    "packed lengths": LINK + bytes_field(1, message(size=3, after=bytes_field(4, b"\x03"))),
    "a size twice": LINK + bytes_field(1, message(size=3, after=dag_pb.number_field(3, 3))),
    "fields out of order": LINK + bytes_field(1, message(size=3, lengths=[3], after=bytes_field(2, b""))),
    "a size in a longer form": bytes_field(1, b"\x08\x02\x18\x80\x00"),
    "too many parts": LINK * (unixfs.MAX_PARTS + 1)
    + bytes_field(1, message(size=3 * (unixfs.MAX_PARTS + 1), lengths=[3] * (unixfs.MAX_PARTS + 1))),
}


@pytest.mark.parametrize("block", NOT_NODES.values(), ids=NOT_NODES)
def test_what_is_no_canonical_node_is_refused(block: bytes) -> None:
    with pytest.raises(BadBlock):
        dag_pb.decode(block)


@pytest.mark.parametrize("block", NOT_FILES.values(), ids=NOT_FILES)
def test_a_node_that_is_no_plain_file_s_is_refused(block: bytes) -> None:
    dag_pb.decode(block)
    with pytest.raises(BadBlock):
        file_node(Block(Cid.of(DAG_PB, block), block))


def test_the_nodes_that_those_were_made_from_are_a_file_s() -> None:
    for block in (LINK + FILE, raw_link(name=None) + FILE):
        assert file_node(Block(Cid.of(DAG_PB, block), block)).length == 3


@pytest.mark.parametrize("codec", [RAW, DAG_PB])
def test_a_block_that_is_too_large_is_refused(codec: int) -> None:
    data = bytes(dag_pb.MAX_BLOCK_BYTES + 1)
    with pytest.raises(BadBlock):
        file_node(Block(Cid.of(codec, data), data))


links = st.builds(
    Link,
    st.builds(Cid, st.sampled_from([RAW, DAG_PB]), st.binary(min_size=32, max_size=32)),
    st.integers(0, 2**63 - 1),
    st.none() | st.text(max_size=10),
)


@given(st.lists(links, max_size=5), st.none() | st.binary(max_size=20))
def test_a_node_is_read_from_what_was_written(found: list[Link], data: bytes | None) -> None:
    assert dag_pb.decode(dag_pb.encode(found, data)) == dag_pb.Node(tuple(found), data)


@settings(max_examples=300)
@given(
    st.binary(max_size=60) | st.lists(st.sampled_from([LINK, FILE, b"\x12", b"\x0a", b"\0"])).map(b"".join)
)
def test_what_is_read_as_a_node_is_written_as_the_same_bytes(block: bytes) -> None:
    try:
        node = dag_pb.decode(block)
    except BadBlock:
        return
    assert dag_pb.encode(node.links, node.data) == block

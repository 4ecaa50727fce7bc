"""The embedded block store: what is kept is there, whole, and what is not kept leaves nothing."""

import errno
import fcntl
import os
import stat
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from storage.backend import Added, Backend, NotHere
from storage.blocks import uploading
from storage.blocks.store import BlockStore
from storage.protocol.cids import Cid
from storage.protocol.dag_pb import BadBlock
from storage.protocol.reading import WrongBlock
from tests.storage import vectors
from tests.storage.blocks.looking import added, content, files, flip, path_of, tree, whole
from tests.storage.trees import built


def test_it_is_a_backend(store: BlockStore) -> None:
    backend: Backend = store
    assert list(backend.roots()) == []


@pytest.mark.needs("vectors")
@pytest.mark.parametrize("case", vectors.cases(), ids=vectors.name)
def test_a_file_has_the_cid_that_kubo_gives_it(place: Path, case: Any) -> None:
    store = BlockStore(place)
    with store.add() as adding:
        adding.write(vectors.content(case))
        assert str(adding.finish().root) == case["cids"]["kubo_v1_raw_leaves"]
        adding.keep()
    root = Cid.from_text(case["cids"]["kubo_v1_raw_leaves"])
    assert store.length(root) == case["size"]
    assert whole(store, root) == vectors.content(case)
    assert len(files(place)) == case["blocks"]["kubo_v1_raw_leaves"] + 1


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 2048, 2049, 9_000])
def test_what_was_added_is_read_whole_and_in_ranges_and_is_there_for_others(
    store: BlockStore, place: Path, size: int
) -> None:
    data = content(1, size)
    root, blocks = built(data)
    assert added(store, data) == Added(root.cid, size)
    other = BlockStore(place)
    assert other.has(root.cid)
    assert list(other.roots()) == [root.cid]
    assert (other.length(root.cid), whole(other, root.cid)) == (size, data)
    assert b"".join(other.read(root.cid, 500, 1030)) == data[500:1030]
    assert {cid: other.block(cid) for cid in tree(other, root.cid)} == blocks.held


def test_folders_and_files_are_their_owner_s_alone(store: BlockStore, place: Path) -> None:
    before = os.umask(0)
    try:
        added(store, content(1))
        added(BlockStore(place.with_name("another")), content(1))
    finally:
        os.umask(before)
    for path in [place, *place.rglob("*"), *place.with_name("another").rglob("*")]:
        assert stat.S_IMODE(path.lstat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_what_is_not_kept_leaves_nothing(store: BlockStore, place: Path) -> None:
    with store.add() as adding:
        adding.write(content(1))
    with store.add() as adding:
        adding.write(content(2))
        root = adding.finish().root
    with pytest.raises(ConnectionError), store.add() as adding:  # noqa: PT012
        adding.write(content(3))
        raise ConnectionError
    assert files(place) == set()
    assert list((place / "uploads").iterdir()) == []
    assert not store.has(root)
    assert list(store.check()) == []


def test_nothing_is_written_to_a_finished_file(store: BlockStore) -> None:
    with store.add() as adding:
        adding.write(b"one")
        adding.finish()
        with pytest.raises(ValueError, match="finished"):
            adding.write(b"two")


def test_keeping_once_more_changes_nothing(store: BlockStore, place: Path) -> None:
    root = added(store, content(1)).root
    before = files(place)
    with store.add() as adding:
        adding.write(content(1))
        adding.keep()
        adding.keep()
    assert files(place) == before
    assert list(store.roots()) == [root]
    assert list(store.check()) == []


def test_a_full_disk_leaves_nothing_and_what_was_not_written_is_not_kept(
    store: BlockStore, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fchmod
    left = iter(range(5))

    def full(descriptor: int, mode: int) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "no space left")
        real(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", full)
    with store.add() as adding:
        with pytest.raises(OSError, match="no space"):
            adding.write(content(1))
        for go_on in (lambda: adding.write(b"more"), adding.finish, adding.keep):
            with pytest.raises(ValueError, match="not written whole"):
                go_on()
    monkeypatch.undo()
    assert files(place) == set()
    assert list(store.check()) == []


def test_an_upload_that_failed_while_it_was_kept_is_not_kept_after_all(
    store: BlockStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its blocks have moved, belong to nobody, and may be gone before it is tried again."""

    def fails(*arguments: Any) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    with store.add() as adding:
        adding.write(content(1))
        with monkeypatch.context() as patch:
            patch.setattr(uploading, "pin", fails)
            with pytest.raises(OSError, match="broken"):
                adding.keep()
        assert store.collect().blocks > 0
        with pytest.raises(ValueError, match="not written whole"):
            adding.keep()
    assert list(store.roots()) == []
    assert list(store.check()) == []


def test_what_was_kept_and_unpinned_is_not_pinned_by_keeping_it_again(store: BlockStore) -> None:
    with store.add() as adding:
        adding.write(content(1))
        adding.keep()
        store.unpin(adding.finish().root)
        store.collect()
        adding.keep()
    assert list(store.roots()) == []


def test_two_files_that_share_blocks_keep_them_until_both_are_gone(store: BlockStore, place: Path) -> None:
    shared = content(1, 4096)
    one, other = added(store, shared + b"one"), added(store, shared + b"another")
    assert len(set(tree(store, one.root)) & set(tree(store, other.root))) >= 8
    store.unpin(one.root)
    assert store.collect().blocks > 0
    assert whole(store, other.root) == shared + b"another"
    assert list(store.check()) == []
    store.unpin(other.root)
    assert store.collect().blocks > 0
    assert files(place) == set()


def test_a_file_that_is_part_of_another_goes_without_it_and_stays_without_it(store: BlockStore) -> None:
    """Bytes that are just one node of a greater file have that node as their root."""
    part, greater = content(1, 512 * 4), content(1, 512 * 4) + content(2, 512)
    within, around = added(store, part), added(store, greater)
    assert within.root in list(tree(store, around.root))
    store.unpin(around.root)
    store.collect()
    assert whole(store, within.root) == part
    around = added(store, greater)
    store.unpin(within.root)
    store.collect()
    assert whole(store, around.root) == greater


def test_what_was_unpinned_is_there_until_it_is_collected_and_may_be_pinned_again(
    store: BlockStore,
) -> None:
    root = added(store, content(1)).root
    store.unpin(root)
    store.unpin(root)
    assert not store.has(root)
    assert whole(store, root) == content(1)
    store.pin(root)
    store.pin(root)
    assert store.collect().blocks == 0
    assert whole(store, root) == content(1)


def test_what_is_not_all_there_is_not_pinned(store: BlockStore, place: Path) -> None:
    root = added(store, content(1)).root
    store.unpin(root)
    cids = list(tree(store, root))
    for missing in (cids[0], cids[2], cids[-1]):
        data = path_of(place, missing).read_bytes()
        path_of(place, missing).unlink()
        with pytest.raises(NotHere) as refused:
            store.pin(root)
        assert refused.value.cid == missing
        assert not store.has(root)
        path_of(place, missing).write_bytes(data)
    flip(path_of(place, cids[1]))
    with pytest.raises(BadBlock):
        store.pin(root)
    assert not store.has(root)
    store.collect()
    with pytest.raises(NotHere):
        store.pin(root)


def test_a_file_is_the_same_by_both_versions_of_its_cid(store: BlockStore) -> None:
    root = added(store, content(1)).root
    old = Cid(root.codec, root.digest, 0)
    assert str(old).startswith("Qm")
    assert store.has(old)
    assert whole(store, old) == content(1)
    store.unpin(old)
    assert not store.has(root)
    store.pin(old)
    assert list(store.roots()) == [root]


def test_what_is_not_here_is_said(store: BlockStore) -> None:
    root = built(content(1))[0].cid
    assert not store.has(root)
    for ask in (store.length, store.block, store.pin, lambda cid: list(store.read(cid))):
        with pytest.raises(NotHere) as refused:
            ask(root)
        assert refused.value.cid == root


def test_a_damaged_block_ends_the_reading_and_is_healed_by_adding_the_file_again(
    store: BlockStore, place: Path
) -> None:
    data = content(1)
    root = added(store, data).root
    for cid in tree(store, root):
        flip(path_of(place, cid), 77)
        pieces: list[bytes] = []
        with pytest.raises(WrongBlock) as refused:
            pieces.extend(store.read(root))
        assert refused.value.cid == cid
        assert data.startswith(b"".join(pieces))
        added(store, data)
        assert whole(store, root) == data
    path_of(place, root).write_bytes(bytes(5_000_000))
    with pytest.raises(WrongBlock):
        whole(store, root)


def test_what_is_pinned_was_forced_to_the_disk_before(
    store: BlockStore, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order that a loss of power would try: blocks, their names, the folders, and the pin last."""
    done: list[tuple[str, str]] = []
    replace, fsync, link = Path.replace, os.fsync, os.link

    def recorded_replace(path: Path, target: Path) -> Path:
        done.append(("move", path.name))
        return replace(path, target)

    def recorded_fsync(descriptor: int) -> None:
        done.append(("force", Path(os.readlink(f"/proc/self/fd/{descriptor}")).name))
        fsync(descriptor)

    def recorded_link(source: str, target: str, **where: Any) -> None:
        done.append(("pin", Path(target).name))
        link(source, target, **where)

    monkeypatch.setattr(Path, "replace", recorded_replace)
    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "link", recorded_link)
    root = added(store, content(1)).root
    cids = set(tree(store, root))
    pinned = done.index(("pin", str(root)))
    for cid in cids:
        name = str(cid)
        moved = done.index(("move", name))
        assert done.index(("force", name)) < moved
        assert moved < done.index(("force", path_of(place, cid).parent.name), moved) < pinned
    assert ("force", "blocks") in done[:pinned]
    assert ("force", "pins") in done[pinned:]
    store.unpin(root)
    done.clear()
    store.pin(root)
    forced = {name for what, name in done[: done.index(("pin", str(root)))] if what == "force"}
    assert {path_of(place, cid).parent.name for cid in cids} | {"blocks"} <= forced


def test_nobody_removes_blocks_between_their_move_and_their_pin(
    store: BlockStore, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def watched(*arguments: Any) -> None:
        with (place / "lock").open("rb+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tried.append("refused")
        pin(*arguments)

    pin = uploading.pin
    monkeypatch.setattr(uploading, "pin", watched)
    added(store, content(1))
    assert tried == ["refused"]


def test_many_add_the_same_and_others_at_once_while_somebody_collects(store: BlockStore, place: Path) -> None:
    roots: list[Cid] = []
    done = threading.Event()

    def add(seed: int) -> None:
        for number in range(4):
            roots.append(added(store, content(number % 2 * seed, 3_000)).root)

    def collect() -> None:
        while not done.is_set():
            BlockStore(place).collect()

    collecting = threading.Thread(target=collect)
    adding = [threading.Thread(target=add, args=(seed,)) for seed in range(4)]
    for thread in (collecting, *adding):
        thread.start()
    for thread in adding:
        thread.join()
    done.set()
    collecting.join()
    assert len(roots) == 16
    assert set(store.roots()) == set(roots)
    assert list(store.check()) == []


def test_adding_and_reading_take_memory_for_a_few_blocks(place: Path) -> None:
    store = BlockStore(place)
    piece = bytes(range(256)) * 256
    tracemalloc.start()
    try:
        with store.add() as adding:
            for number in range(256):
                adding.write(number.to_bytes(2, "big") + piece)
            root = adding.finish().root
            adding.keep()
        assert sum(map(len, store.read(root))) == 256 * (len(piece) + 2)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()

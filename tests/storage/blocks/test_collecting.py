"""Collecting removes what belongs to nobody, and never what somebody has or is about to have."""

import fcntl
import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from storage.backend import Collected, Unreadable
from storage.blocks.marking import Marks
from storage.blocks.store import BlockStore
from tests.storage.blocks.looking import added, content, files, flip, path_of, tree, whole
from tests.storage.trees import built


def test_an_upload_in_progress_is_left_alone_at_every_moment(store: BlockStore, place: Path) -> None:
    other = BlockStore(place)
    data = content(1)
    with store.add() as adding:
        assert other.collect() == Collected()
        for start in range(0, len(data), 1000):
            adding.write(data[start : start + 1000])
            assert other.collect() == Collected()
            assert list(other.check()) == []
        root = adding.finish().root
        assert other.collect() == Collected()
        adding.keep()
        assert other.collect() == Collected()
    assert other.collect() == Collected()
    assert whole(other, root) == data


def test_an_upload_takes_over_blocks_that_were_about_to_be_removed(store: BlockStore) -> None:
    data = content(1)
    root = added(store, data).root
    store.unpin(root)
    with store.add() as adding:
        adding.write(data)
        adding.finish()
        assert store.collect().blocks == len(built(data)[1].held)
        adding.keep()
    assert whole(store, root) == data


def test_what_is_pinned_while_it_looks_is_kept(store: BlockStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the first look and the removal, on either side of the removal's beginning."""
    old = added(store, content(1)).root
    store.unpin(old)
    looked = []
    renew = Marks.renew

    def and_pins(marks: Marks) -> None:
        renew(marks)
        looked.append(1)
        if len(looked) == 1:
            store.pin(old)
            looked.append(added(store, content(2)).root)  # type: ignore[arg-type]

    monkeypatch.setattr(Marks, "renew", and_pins)
    assert store.collect() == Collected()
    assert whole(store, old) == content(1)
    assert list(store.check()) == []


def test_what_is_unpinned_and_added_again_while_it_looks_is_kept(
    store: BlockStore, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damaged at the first look and pinned no more; then it is there again."""
    data = content(1)
    root = added(store, data).root
    path_of(place, list(tree(store, root))[1]).unlink()
    add, looked = Marks._add, []

    def and_unpins(marks: Marks, found: object) -> bool:
        looked.append(1)
        if len(looked) == 1:
            store.unpin(root)
        result = add(marks, found)  # type: ignore[arg-type]
        if len(looked) == 1:
            added(store, data)
        return result

    monkeypatch.setattr(Marks, "_add", and_unpins)
    assert store.collect() == Collected()
    assert whole(store, root) == data


def test_an_upload_whose_process_was_killed_is_removed_and_counted(store: BlockStore, place: Path) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with BlockStore(place).add() as adding:
                adding.write(content(1))
                os.write(writing, b".")
                signal.pause()
        finally:
            os._exit(1)
    assert os.read(reading, 1) == b"."
    assert store.collect() == Collected()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    [fault] = store.check()
    assert fault.name.startswith("uploads/")
    assert store.collect() == Collected(uploads=1)
    assert files(place) == set()
    assert list(store.check()) == []


def test_an_upload_that_ends_while_it_is_looked_at_was_not_broken_off(
    store: BlockStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock
    with ExitStack() as going_on:
        going_on.enter_context(store.add()).write(content(1))

        def after_it_ended(descriptor: int, how: int) -> None:
            if how & fcntl.LOCK_NB:
                going_on.close()
            flock(descriptor, how)

        monkeypatch.setattr(fcntl, "flock", after_it_ended)
        assert store.collect() == Collected()
        assert list(store.check()) == []


def test_what_a_killed_writer_left_goes_and_folders_of_others_stay(store: BlockStore, place: Path) -> None:
    root = added(store, content(1)).root
    cid = list(tree(store, root))[-1]
    strays = [
        place / "pins" / f".{root}.0123456789abcdef",
        path_of(place, cid).with_name(f".{cid}.0123456789abcdef"),
        path_of(place, cid).with_name(f"{cid}x"),
        path_of(place, cid).with_name("Qm"),
    ]
    misplaced = place / "blocks" / "zz" / str(cid)
    misplaced.parent.mkdir(exist_ok=True)
    for stray in [*strays, misplaced]:
        stray.write_bytes(b"left")
    theirs = place / "blocks" / "zz" / "folder"
    theirs.mkdir()
    assert {fault.kind for fault in store.check()} == {"left over"}
    before = files(place)
    assert store.collect() == Collected(blocks=0, bytes=20)
    assert before - files(place) == {stray.relative_to(place).as_posix() for stray in [*strays, misplaced]}
    assert theirs.is_dir()
    assert whole(store, root) == content(1)


def test_nothing_is_removed_while_a_pinned_file_cannot_be_walked(store: BlockStore, place: Path) -> None:
    """What is below a node that cannot be read looks like nobody's."""
    kept, gone = added(store, content(1)).root, added(store, content(2)).root
    store.unpin(gone)
    [_, inner, *_] = tree(store, kept)
    data = path_of(place, inner).read_bytes()
    for damage in (flip, Path.unlink):
        damage(path_of(place, inner))
        before = files(place)
        with pytest.raises(Unreadable) as refused:
            store.collect()
        assert refused.value.root == kept
        assert files(place) == before
        path_of(place, inner).write_bytes(data)
    assert store.collect().blocks > 0
    assert whole(store, kept) == content(1)


def test_a_missing_leaf_hides_nothing_and_so_holds_nothing_up(store: BlockStore, place: Path) -> None:
    kept, gone = added(store, content(1)).root, added(store, content(2)).root
    store.unpin(gone)
    *_, leaf = tree(store, kept)
    path_of(place, leaf).unlink()
    assert store.collect().blocks > 0
    assert store.has(kept)


def test_what_was_removed_is_told_in_blocks_and_bytes(store: BlockStore, place: Path) -> None:
    added(store, content(1))
    root = added(store, content(2)).root
    cids = set(tree(store, root))
    size = sum(path_of(place, cid).stat().st_size for cid in cids)
    store.unpin(root)
    assert store.collect() == Collected(len(cids), size, 0)
    assert store.collect() == Collected()

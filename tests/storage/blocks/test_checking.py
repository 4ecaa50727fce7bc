"""Checking names everything that is wrong in a store, and changes nothing."""

from pathlib import Path

from storage.backend import Fault, Kind
from storage.blocks.store import BlockStore
from tests.storage.blocks.looking import added, content, files, flip, path_of, tree


def test_every_missing_and_every_damaged_block_is_named_with_a_file_that_has_it(
    store: BlockStore, place: Path
) -> None:
    added(store, content(2))
    root = added(store, content(1)).root
    assert list(store.check()) == []
    for number, cid in enumerate(list(tree(store, root))):
        path = path_of(place, cid)
        data = path.read_bytes()
        flip(path, number * 7)
        assert list(store.check()) == [Fault(Kind.DAMAGED, str(cid), root)]
        path.write_bytes(data + b"\0")
        assert list(store.check()) == [Fault(Kind.DAMAGED, str(cid), root)]
        path.write_bytes(b"")
        assert list(store.check()) == [Fault(Kind.DAMAGED, str(cid), root)]
        path.unlink()
        assert list(store.check()) == [Fault(Kind.MISSING, str(cid), root)]
        path.mkdir()
        assert list(store.check()) == [Fault(Kind.DAMAGED, str(cid), root)]
        path.rmdir()
        path.write_bytes(data)
    assert list(store.check()) == []


def test_all_faults_of_all_files_are_named_at_once(store: BlockStore, place: Path) -> None:
    one, other = added(store, content(1)).root, added(store, content(2)).root
    *_, first = tree(store, one)
    *_, second, third = tree(store, other)
    flip(path_of(place, first))
    path_of(place, second).unlink()
    flip(path_of(place, third))
    assert set(store.check()) == {
        Fault(Kind.DAMAGED, str(first), one),
        Fault(Kind.MISSING, str(second), other),
        Fault(Kind.DAMAGED, str(third), other),
    }


def test_what_is_left_over_is_named_and_left(store: BlockStore, place: Path) -> None:
    added(store, content(1))
    root = added(store, content(2)).root
    cids = set(tree(store, root))
    store.unpin(root)
    (place / "uploads" / "broken-off").mkdir()
    (place / "pins" / "hello").touch()
    before = files(place)
    assert set(store.check()) == {
        *(Fault(Kind.LEFT_OVER, str(cid)) for cid in cids),
        Fault(Kind.LEFT_OVER, "uploads/broken-off"),
        Fault(Kind.LEFT_OVER, "pins/hello"),
    }
    assert files(place) == before
    store.collect()
    assert list(store.check()) == []


def test_a_pin_of_what_was_never_here_is_a_missing_root(store: BlockStore, place: Path) -> None:
    root = added(BlockStore(place.with_name("other")), content(1)).root
    (place / "pins" / str(root)).touch()
    assert list(store.check()) == [Fault(Kind.MISSING, str(root), root)]
    store.unpin(root)
    assert list(store.check()) == []


def test_who_takes_long_over_what_is_found_keeps_nobody_waiting(store: BlockStore) -> None:
    for seed in range(3):
        store.unpin(added(store, content(seed)).root)
    faults = store.check()
    assert next(faults).kind is Kind.LEFT_OVER
    added(store, content(5))
    assert store.collect().blocks > 0

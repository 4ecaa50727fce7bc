"""SIGKILL at any moment: nothing that was acknowledged is lost, and what is left over is collected."""

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.backend import Kind
from storage.blocks.store import BlockStore
from storage.protocol.cids import Cid
from tests.crashes import ENDED, FAILED, KILLED, Crashes
from tests.storage.blocks.looking import files, whole

WORK = "tests.storage.blocks.writing:work"


def last_words(said: Path) -> dict[Cid, str]:
    """What was said last of each file; a line that is cut short was not said."""
    lines = said.read_text().splitlines(keepends=True) if said.exists() else []
    words = (line.split() for line in lines if line.endswith("\n"))
    return {Cid.from_text(cid): word for word, cid in words}


@contextmanager
def another_collects(place: Path) -> Iterator[None]:
    """Somebody removes what is nobody's all the while."""
    done, faults = threading.Event(), []

    def collect() -> None:
        try:
            while not done.is_set():
                BlockStore(place).collect()
        except Exception as error:
            faults.append(error)

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    assert faults == []


def is_whole(store: BlockStore, said: dict[Cid, str]) -> None:
    """All that was acknowledged is there, and of what is there all."""
    there = set(store.roots())
    assert {root for root, word in said.items() if word == "kept"} <= there
    for root in there:
        assert len(whole(store, root)) == store.length(root)


@pytest.mark.parametrize(("deaths", "beside"), [(70, False), (30, True)], ids=["alone", "beside a collector"])
def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path, deaths: int, *, beside: bool) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("HVX_")}
    env |= {"STORE": str(tmp_path), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    place, said = tmp_path / "files", tmp_path / "said"
    store = BlockStore(place)
    outcomes: list[str] = []
    left_over = kept = 0
    with Crashes(WORK, env) as working:
        began = time.monotonic()
        assert working.run() == ENDED
        longest = time.monotonic() - began
        while outcomes.count(KILLED) < deaths:
            with another_collects(place) if beside else threading.Lock():
                for _ in range(10):
                    began = time.monotonic()
                    outcomes.append(working.kill_after(random.uniform(0, longest)))
                    assert outcomes[-1] != FAILED
                    if outcomes[-1] == ENDED:
                        # What the work takes now, so that few outlive the moment that is drawn.
                        longest = time.monotonic() - began
            faults = list(store.check())
            assert {fault.kind for fault in faults} <= {Kind.LEFT_OVER}
            left_over += len(faults)
            is_whole(store, last_words(said))
            store.collect()
            assert list(store.check()) == []
            is_whole(store, last_words(said))
            kept += sum(word == "kept" for word in last_words(said).values())
    assert kept > 0
    assert left_over > 0
    for root in store.roots():
        store.unpin(root)
    store.collect()
    assert files(place) == set()
    assert list(store.check()) == []

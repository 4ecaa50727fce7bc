"""What the crash test of the block store does in the process that is killed.

`STORE` names a folder: in it are the store, and `said`, a line for all that was acknowledged, and before
all that ends. Files share pieces, so that they share blocks.
"""

import os
import random
from pathlib import Path

import pytest

from storage.backend import Adding
from storage.blocks.store import BlockStore
from storage.protocol.cids import Cid
from tests.storage.blocks.conftest import small_blocks
from tests.storage.blocks.looking import content

PIECES = [content(seed, 512 * 4) for seed in range(6)]


def place() -> Path:
    return Path(os.environ["STORE"]) / "files"


def said() -> Path:
    return Path(os.environ["STORE"]) / "said"


def _say(what: str, cid: object) -> None:
    with said().open("a") as file:
        file.write(f"{what} {cid}\n")


def work() -> None:
    """Add, break off, unpin and collect, in any order."""
    chance = random.Random(os.urandom(16))
    store = BlockStore(place())
    acts = [_add, _add, _add, _break_off, _drop, _collect]
    chance.shuffle(acts)
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch)
        for act in acts:
            act(store, chance)


def _add(store: BlockStore, chance: random.Random) -> None:
    with store.add() as adding:
        root = _write(adding, chance)
        adding.keep()
        _say("kept", root)


def _break_off(store: BlockStore, chance: random.Random) -> None:
    with store.add() as adding:
        _write(adding, chance)


def _write(adding: Adding, chance: random.Random) -> Cid:
    for _ in range(chance.randrange(3)):
        adding.write(chance.choice(PIECES))
    adding.write(chance.randbytes(chance.randrange(2_000)))
    return adding.finish().root


def _drop(store: BlockStore, chance: random.Random) -> None:
    if roots := list(store.roots()):
        root = chance.choice(roots)
        _say("dropping", root)
        store.unpin(root)
        _say("dropped", root)


def _collect(store: BlockStore, chance: random.Random) -> None:
    store.collect()

"""Memory for keys: wiped, locked, shown to nobody."""

import copy
import ctypes
import gc
import os
import pickle
import signal
import subprocess
import sys

import pytest

from tests.live import REPOSITORY
from vault import memory
from vault.errors import Sealed
from vault.memory import LockedBytes


def test_what_was_wiped_is_not_read_as_zeros() -> None:
    key = LockedBytes.of(b"\x07" * 32)
    key.wipe()
    with pytest.raises(Sealed):
        _ = key.view


def test_wiping_overwrites_what_views_look_at() -> None:
    key = LockedBytes.of(b"\x07" * 32)
    view = key.view
    key.wipe()
    assert bytes(view) == bytes(32)


def test_a_view_keeps_its_key_from_being_wiped() -> None:
    view = LockedBytes.of(b"\x07" * 32).view
    gc.collect()
    assert bytes(view) == b"\x07" * 32


def test_a_key_that_nobody_holds_any_more_is_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    wiped = []
    monkeypatch.setattr(LockedBytes, "wipe", lambda key: wiped.append(len(key)))
    LockedBytes.of(b"\x07" * 32)
    gc.collect()
    assert wiped == [32]


def test_random_keys_are_neither_equal_nor_zeros() -> None:
    drawn = {bytes(LockedBytes.random(32).view) for _ in range(100)}
    assert len(drawn) == 100
    assert bytes(32) not in drawn


def test_a_key_shows_nothing_and_is_neither_copied_nor_pickled() -> None:
    key = LockedBytes.of(b"\x07" * 32)
    assert repr(key) == str(key) == "<LockedBytes>"
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not copied or pickled"):
            attempt(key)


def test_the_page_of_a_key_is_locked_and_left_out_of_core_dumps() -> None:
    key = LockedBytes(32)
    address = ctypes.addressof(ctypes.c_char.from_buffer(key))
    flags = _flags_of(address)
    assert "dd" in flags
    assert ("lo" in flags) is (memory.refusal() == "")


def _flags_of(address: int) -> set[str]:
    """The kernel's own account of the mapping at this address (proc(5), VmFlags)."""
    inside = False
    with open("/proc/self/smaps") as maps:
        for line in maps:
            span = line.split()[0]
            if "-" in span and ":" not in span:
                start, end = (int(part, 16) for part in span.split("-"))
                inside = start <= address < end
            elif inside and line.startswith("VmFlags:"):
                return set(line.split()[1:])
    raise AssertionError("the mapping was not found")


def test_a_refused_lock_is_told_and_stops_nothing() -> None:
    script = (
        "import os, resource\n"
        "resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))\n"
        "if os.geteuid() == 0: os.setresuid(65534, 65534, 65534)\n"
        "from vault import memory\n"
        "key = memory.LockedBytes.of(bytes([7]) * 32)\n"
        "print(bytes(key.view) == bytes([7]) * 32, bool(memory.refusal()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import vault.memory\n{script}"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["True", "True"]


def test_without_core_dumps_a_process_that_dies_leaves_none() -> None:
    script = (
        "import os\n"
        "from vault import memory\n"
        "memory.core_dumps_off()\n"
        "print(memory.core_dumps_are_off(), flush=True)\n"
        "os.abort()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout.strip() == "True"
    assert done.returncode == -signal.SIGABRT


def test_a_fork_that_wipes_leaves_its_parent_the_key() -> None:
    key = LockedBytes.of(b"\x07" * 32)
    child = os.fork()
    if child == 0:
        key.wipe()
        os._exit(0)
    os.waitpid(child, 0)
    assert bytes(key.view) == b"\x07" * 32

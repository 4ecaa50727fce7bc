"""Every process of a real server is closed to its own user's debuggers, and leaves no core dump."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import live
from tests.live import REPOSITORY, LiveServer
from vault import control

# Root reads every process. Without this one right it reads what any other user would read of his own.
WITHOUT_PTRACE = """
import ctypes, os, sys
CAP_SYS_PTRACE, PR_CAPBSET_DROP = 19, 24
ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
# Looks at all processes of a group, over and over until its input ends, and tells what it saw of each.
LOOK = """
import json, os, re, select, subprocess, sys
from pathlib import Path

def closed(pid):
    # Wants the right to trace (proc(5)), as reading the memory does.
    try:
        os.readlink(f"/proc/{pid}/cwd")
    except PermissionError:
        return True
    return False

plain = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
# It is not that nothing could be seen.
assert not closed(plain.pid)
plain.communicate(b"\\n")
seen = {}
print("looks", flush=True)
while not select.select([sys.stdin], [], [], 0.005)[0]:
    for path in Path("/proc").iterdir():
        try:
            if not path.name.isdecimal() or os.getpgid(int(path.name)) != int(sys.argv[1]):
                continue
            found = re.search(rb"hvx\\.serving\\.(\\w+)|(manage)\\.py", (path / "cmdline").read_bytes())
            core = re.search("Max core file size +(.+?) +bytes", (path / "limits").read_text())
            if found and core:
                name = (found[1] or found[2]).decode()
                # By name too: before it is a child of this name it was its master's copy, and closed.
                before = seen.get((path.name, name), [name, False, ""])
                seen[path.name, name] = [name, before[1] or closed(path.name), core[1]]
        except (FileNotFoundError, ProcessLookupError):
            continue
print(json.dumps(list(seen.values())))
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    manage = [sys.executable, "-c", WITHOUT_PTRACE, *live.MANAGE[1:]]
    monkeypatch.setattr(live, "MANAGE", manage)
    server = LiveServer(tmp_path)
    yield server
    server.close()


def test_no_process_of_a_server_is_open_to_its_users_debuggers_or_leaves_a_core_dump(
    server: LiveServer,
) -> None:
    server.make_place()
    server._spawn("--migrate")
    assert server.process is not None
    looking = subprocess.Popen(
        [sys.executable, "-c", WITHOUT_PTRACE, "-c", LOOK, str(server.process.pid)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert looking.stdout is not None
    assert looking.stdout.readline() == "looks\n"
    server._wait_until_healthy()
    assert control.outcome(server.data_dir, do="seal")["state"] == "sealed"
    server._wait_until_healthy(status=503)
    told, _ = looking.communicate("enough\n", timeout=20)
    seen = json.loads(told)
    assert {name for name, _, _ in seen} == {"manage", "prepare", "worker", "background", "sealed"}
    assert [name for name, closed, _ in seen if not closed] == []
    assert {core.split()[0] for _, _, core in seen} == {"0"}

"""Killing work half-way: a process that is set up once and forks a child for every attempt.

`Crashes(target, env)` starts `python -m tests.crashes target` with Django set up on the settings that
`env` names. `kill_after(seconds)` has the target called in a fork and sends that SIGKILL; it tells
whether the work had ended by itself before. A fork costs some milliseconds, a new Python a second, so
a hundred deaths fit into a test.
"""

import importlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

REPOSITORY = Path(__file__).resolve().parent.parent
ENDED, KILLED, FAILED = "ended", "killed", "failed"


class Crashes:
    """`target` is "module:function", called without arguments and with no open database connection.

    `env` is the whole environment of the process; the function finds its world by it.
    """

    def __init__(self, target: str, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crashes", target],
            env={"DJANGO_SETTINGS_MODULE": "hvx.settings", **env},
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read() == "ready"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def run(self) -> str:
        """The work, undisturbed: ENDED or FAILED."""
        return self.kill_after(600)

    def kill_after(self, seconds: float) -> str:
        """ENDED where the work was done before `seconds` were over, FAILED where it raised, else KILLED."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        outcome = self._read()
        assert outcome in (ENDED, KILLED, FAILED), f"the process that forks has ended: {outcome!r}"
        return outcome

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _attempt(target: str, seconds: float) -> str:
    module, _, function = target.partition(":")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            # Whatever the work prints must not be taken for an outcome.
            os.dup2(2, 1)
            getattr(sys.modules[module], function)()
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)
    descriptor = os.pidfd_open(child)
    try:
        ended, _, _ = select.select([descriptor], [], [], seconds)
        if not ended:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    finally:
        os.close(descriptor)
    if os.WIFSIGNALED(status):
        return KILLED
    return ENDED if os.WEXITSTATUS(status) == 0 else FAILED


def main(target: str) -> None:
    """The process that forks: one line of seconds in, one line of outcome out."""
    import django

    django.setup()
    importlib.import_module(target.partition(":")[0])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(_attempt(target, float(line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])

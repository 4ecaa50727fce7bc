"""What the processes that serve do without."""

import contextlib
import gc
import subprocess
import sys
from pathlib import Path

import pytest

from hvx.serving import lean
from tests.live import REPOSITORY

_LOADED = """
from hvx.serving import lean
lean.leave_out(postgresql={cluster}, redis={cluster})
import hvx.asgi
import sys
print(*sorted(name for name, module in sys.modules.items() if module is not None))
"""


def _modules_of_a_worker(folder: Path, *, cluster: bool) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED.format(cluster=cluster)],
        cwd=REPOSITORY,
        env={"HVX_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "hvx.settings"},
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


def test_a_worker_on_sqlite_holds_no_library_that_nobody_uses(tmp_path: Path) -> None:
    loaded = _modules_of_a_worker(tmp_path, cluster=False)
    assert "rest_framework.views" in loaded
    assert not loaded & {"requests", "urllib3", "pygments", "psycopg", "redis"}


def test_a_worker_of_a_cluster_has_what_it_speaks_to_its_databases_with(tmp_path: Path) -> None:
    loaded = _modules_of_a_worker(tmp_path, cluster=True)
    assert {"psycopg", "redis"} <= loaded
    assert "requests" not in loaded


def test_what_is_in_use_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("requests", "pygments", "markdown", "psycopg", "redis"):
        monkeypatch.setitem(sys.modules, name, sys.modules["json"])
    lean.leave_out(postgresql=False, redis=False)
    assert sys.modules["requests"] is sys.modules["json"]


def test_garbage_is_looked_for_again_once_all_is_imported_even_where_importing_failed() -> None:
    assert gc.isenabled()
    meanwhile = []
    try:
        with contextlib.suppress(ImportError), lean.importing():
            meanwhile.append(gc.isenabled())
            raise ImportError
        assert meanwhile == [False]
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()

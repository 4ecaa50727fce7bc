"""hvx.settings as tests inside the process see them.

Each test process has a data folder of its own, removed at its end, and hashes passwords cheaply.
`HVX_TEST_MODE=cluster` puts the database on PostgreSQL and cache and channel layer on Redis.
"""

import atexit
import os
import shutil
import tempfile

from tests.components import cluster_mode, redis_url_of_this_process

_data_dir = tempfile.mkdtemp(prefix="hvx-test-")
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith("HVX_") and not name.startswith("HVX_TEST_")]:
    # What the developer's shell sets for a real server must not reach the tests.
    if _name != "HVX_VECTORS":
        del os.environ[_name]
os.environ["HVX_DATA_DIR"] = _data_dir
os.environ["HVX_ADMIN"] = "on"
if cluster_mode():
    os.environ["HVX_DATABASE_URL"] = os.environ["HVX_TEST_POSTGRES_URL"]
    os.environ["HVX_REDIS_URL"] = redis_url_of_this_process()

from hvx.settings import *  # noqa: E402, F403
from hvx.settings import DATABASES, HVX_DATA_DIR, HVX_ROOT_KEY_FILE, INSTALLED_APPS  # noqa: E402
from vault import keys, vaultfile  # noqa: E402

# For tests that derive keys and touch no database, or begin one of their own.
keys.let_begin()
keys.begin_at(HVX_DATA_DIR / vaultfile.NAME, HVX_ROOT_KEY_FILE)

INSTALLED_APPS = [*INSTALLED_APPS, "tests.vault"]  # rows to try sealed fields on
PASSWORD_HASHERS = ["tests.hashers.FastArgon2PasswordHasher"]

if not cluster_mode():
    # A file, as in service: SQLite's shared in-memory database locks by other rules.
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(_data_dir, "test.sqlite3")}

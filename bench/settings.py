"""hvx.settings with what is measured against: two tiny views and a bare echo.

`HVX_BENCH_SYNCHRONOUS` sets SQLite's `synchronous`, to compare FULL with NORMAL. `HVX_BENCH_HASHES=cheap`
has passwords hashed at no cost, to see what else a login costs. `HVX_BENCH_AUDIT` is read by bench.apps.
"""

import os

from hvx.settings import *  # noqa: F403
from hvx.settings import DATABASES, INSTALLED_APPS

ROOT_URLCONF = "bench.urls"
INSTALLED_APPS = [*INSTALLED_APPS, "bench"]

if os.environ.get("HVX_BENCH_HASHES") == "cheap":
    PASSWORD_HASHERS = ["tests.hashers.FastArgon2PasswordHasher"]

if _synchronous := os.environ.get("HVX_BENCH_SYNCHRONOUS"):
    _options = DATABASES["default"]["OPTIONS"]
    _options["init_command"] += f" PRAGMA synchronous={_synchronous};"

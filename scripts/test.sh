#!/usr/bin/env bash
# The tests that need no service. Those that need a component which is not here are listed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
export HVX_TEST_MODE=embedded
# Where nothing compiled is kept, each of the thousands of processes that tests start would compile all anew.
unset PYTHONDONTWRITEBYTECODE
exec .venv/bin/python -m pytest --numprocesses "${HVX_TEST_PROCESSES:-2}" --dist worksteal "$@"

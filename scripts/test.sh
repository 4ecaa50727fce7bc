#!/usr/bin/env bash
# The tests that need no service. Those that need a component which is not here are listed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
export HVX_TEST_MODE=embedded
exec .venv/bin/python -m pytest --numprocesses "${HVX_TEST_PROCESSES:-2}" --dist worksteal "$@"

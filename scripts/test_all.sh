#!/usr/bin/env bash
# The whole suite twice: on SQLite and memory, then on PostgreSQL and Redis. Nothing is left out.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${HVX_VECTORS:-}" ] || [ ! -d "$HVX_VECTORS" ]; then
    echo "HVX_VECTORS must name the folder of published test vectors; without it tests would be left out." >&2
    exit 1
fi
if [ "${1:-}" != inside ]; then
    components=scripts/components
    exec "$components/programs.sh" "$components/postgres.sh" "$components/redis.sh" "$0" inside "$@"
fi
shift

export HVX_TEST_ALL=1
status=0
.venv/bin/python -m scripts.dependencies || status=1
for mode in embedded cluster; do
    echo "== The whole suite, $mode =="
    HVX_TEST_MODE=$mode .venv/bin/python -m pytest --numprocesses "${HVX_TEST_PROCESSES:-2}" --dist worksteal "$@" || status=1
done
exit "$status"

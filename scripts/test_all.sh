#!/usr/bin/env bash
# The whole suite on SQLite and memory, then all that a database can make a difference to on PostgreSQL
# and Redis. Nothing is left out. HVX_TEST_LEFT_OUT names a list of what `make test` has just left out: of
# the first run, that alone.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${HVX_VECTORS:-}" ] || [ ! -d "$HVX_VECTORS" ]; then
    echo "HVX_VECTORS must name the folder of published test vectors; without it tests would be left out." >&2
    exit 1
fi
if [ "${1:-}" != inside ]; then
    components=scripts/components
    exec "$components/programs.sh" "$components/postgres.sh" "$components/redis.sh" "$components/fedify.sh" \
        "$0" inside "$@"
fi
shift

export HVX_TEST_ALL=1
unset PYTHONDONTWRITEBYTECODE # as in test.sh
status=0
.venv/bin/python -m scripts.dependencies || status=1
suite() {
    local mode=$1
    shift
    HVX_TEST_MODE=$mode .venv/bin/python -m pytest --numprocesses "${HVX_TEST_PROCESSES:-2}" --dist worksteal "$@" || status=1
}
if [ -n "${HVX_TEST_LEFT_OUT:-}" ]; then
    echo "== What make test left out, embedded =="
    if [ -s "$HVX_TEST_LEFT_OUT" ]; then suite embedded "@$HVX_TEST_LEFT_OUT" "$@"; fi
else
    echo "== The whole suite, embedded =="
    suite embedded "$@"
fi
echo "== What stands on a database, cluster =="
suite cluster -m "not once" "$@"
exit "$status"

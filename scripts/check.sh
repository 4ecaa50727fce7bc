#!/usr/bin/env bash
# Everything that can be known without running the program. Runs all of it, then says what failed.
set -uo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export HVX_DATA_DIR=$scratch/data HVX_ORIGIN=https://hvx.example
mkdir -p "$HVX_DATA_DIR"
unset HVX_DATABASE_URL HVX_REDIS_URL

failed=()
step() {
    local name=$1
    shift
    if "$@" >"$scratch/out" 2>&1; then
        echo "  ok      $name"
    else
        echo "  FAILED  $name"
        cat "$scratch/out"
        failed+=("$name")
    fi
}

bin=.venv/bin
manage=("$bin/python" -W error manage.py)
echo "Checks"
# It takes longer than all others together, on one core.
"$bin/mypy" >"$scratch/mypy" 2>&1 &
mypy=$!
types() {
    local status=0
    wait "$mypy" || status=$?
    cat "$scratch/mypy"
    return "$status"
}
step "ruff: lint" "$bin/ruff" check .
step "ruff: format" "$bin/ruff" format --check .
step "import rules" "$bin/lint-imports"
# There is no database here whose history could be asked, and this command begins none.
no_history="ignore:Got an error checking a consistent migration history:RuntimeWarning"
step "migrations match the models" \
    "$bin/python" -W error -W "$no_history" manage.py makemigrations --check --dry-run
step "migrations are the signed ones" "$bin/python" -m scripts.sign_migrations --check
step "manage.py check --deploy" "${manage[@]}" check --deploy --fail-level WARNING
step "OpenAPI document" "${manage[@]}" spectacular --validate --fail-on-warn --file "$scratch/schema.yaml"
step "mypy --strict" types

if [ ${#failed[@]} -gt 0 ]; then
    printf 'Failed: %s\n' "${failed[@]}"
    exit 1
fi

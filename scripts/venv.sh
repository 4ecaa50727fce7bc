#!/usr/bin/env bash
# Brings .venv up to a lock file: `venv.sh run` for the server and client, `venv.sh dev` for tests too.
# Every package is checked against the hash in the lock, and none is built here.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:?run or dev}
lock=requirements.lock
[ "$kind" = dev ] && lock=requirements-dev.lock
stamps=.venv/.installed

find_python() {
    local name
    for name in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
        if command -v "$name" >/dev/null &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "Hvx needs Python 3.11 or newer, and there is none on PATH. On Debian: apt-get install python3 python3-venv" >&2
    exit 1
}

if [ ! -x .venv/bin/python ]; then
    python=$(find_python)
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        echo "Python's venv module is missing. On Debian: apt-get install python3-venv" >&2
        exit 1
    fi
    echo "Making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi

# The development lock holds everything of the other, so either stamp of `dev` serves `run` too.
stamp() { sha256sum "$@" | sha256sum | cut -d' ' -f1; }
wanted="$kind $(stamp requirements.lock "$lock")"
wider="dev $(stamp requirements.lock requirements-dev.lock)"
if ! grep -qxF -e "$wanted" -e "$wider" "$stamps" 2>/dev/null; then
    echo "Installing $lock"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
        --require-hashes --only-binary :all: --requirement "$lock"
    echo "$wanted" >"$stamps"
fi

# The client's command, run from this tree.
launcher=.venv/bin/hvx
if [ ! -x "$launcher" ]; then
    cat >"$launcher" <<LAUNCHER
#!$PWD/.venv/bin/python
import sys

sys.path.insert(0, "$PWD")
from client.cli import main

sys.exit(main())
LAUNCHER
    chmod +x "$launcher"
fi

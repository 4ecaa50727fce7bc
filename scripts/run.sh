#!/usr/bin/env bash
# The server in the foreground: data folder, migrations, `manage.py serve`. Ctrl-C ends it.
set -euo pipefail
cd "$(dirname "$0")/.."

export HVX_DATA_DIR=${HVX_DATA_DIR:-$PWD/var}
mkdir -p -m 700 "$HVX_DATA_DIR"
.venv/bin/python manage.py migrate --no-input --verbosity 0
exec .venv/bin/python manage.py serve

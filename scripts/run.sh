#!/usr/bin/env bash
# The server in the foreground: data folder, `manage.py serve --migrate`. Ctrl-C ends it.
set -euo pipefail
cd "$(dirname "$0")/.."

export HVX_DATA_DIR=${HVX_DATA_DIR:-$PWD/var}
mkdir -p -m 700 "$HVX_DATA_DIR"
exec .venv/bin/python manage.py serve --migrate

#!/usr/bin/env bash
# Both lock files from pyproject.toml, good for every Python from 3.11.0 and every platform.
# What is locked stays as it is unless `--upgrade` is given.
set -euo pipefail
cd "$(dirname "$0")/.."
compile=(.venv/bin/uv pip compile --quiet --no-emit-index-url --no-emit-find-links --no-header
    --generate-hashes --universal pyproject.toml)
"${compile[@]}" --output-file requirements.lock "$@"
"${compile[@]}" --extra dev --constraint requirements.lock --output-file requirements-dev.lock "$@"

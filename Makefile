# Every target brings .venv up to its lock file first; with nothing to do that takes a moment.

SHELL := /bin/bash
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run venv venv-dev check format test test-all bench demo hostile docs-check lock clean

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: venv ## the server, from a bare Python 3.11 to healthy; Ctrl-C ends it
	@scripts/run.sh

venv:
	@scripts/venv.sh run

venv-dev:
	@scripts/venv.sh dev

check: venv-dev ## style, types, import rules, migrations, OpenAPI
	@scripts/check.sh

format: venv-dev ## put the style right where that can be done by itself
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

test: check ## the tests that need no service; says what it left out
	@scripts/test.sh

test-all: venv-dev ## the whole suite on both databases and channel layers; nothing left out
	@scripts/test_all.sh

bench: venv-dev ## speed, as ratios measured in one run
	@$(BIN)/python -m bench.run

demo: venv ## the whole story against a fresh server in a temporary place
	@$(BIN)/python -m scripts.demo

hostile: venv-dev ## this project's client against the hostile relay (docs/hostile-relay.md)
	@$(BIN)/python -m tests.hostile --new "$(BIN)/python -m tests.hostile.adapter" --existing "$(BIN)/python -m tests.hostile.adapter"

docs-check: venv-dev ## links and generated parts of the docs
	@$(BIN)/python -m scripts.docs_check

lock: venv-dev ## write both lock files anew from pyproject.toml
	@scripts/lock.sh

clean: ## remove .venv and caches; the data folder stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

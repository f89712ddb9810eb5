# `make demo` and `make test` are all that a fresh clone needs; scripts/setup.sh does the rest.
.POSIX:

.PHONY: help demo test quick nightly setup lock clean

help: ## what can be made
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /	/'

demo: ## heal a small broken program, in .venv
	@sh scripts/setup.sh runtime
	@.venv/bin/reknit demo

test: ## every check: lint, format, types, tests (with import contract, docs and house rules)
	@sh scripts/setup.sh dev
	@sh scripts/check.sh

quick: ## the checks and the fast tests: those that start no sandbox as a user would
	@sh scripts/setup.sh dev
	@sh scripts/check.sh -m "not slow"

nightly: ## what takes long: 10,000 random patches applied and taken back, a minute of rivals
	@sh scripts/setup.sh dev
	@REKNIT_TEST_CASES=10000 REKNIT_TEST_SECONDS=60 .venv/bin/python -m pytest -q -n 2 tests/unit/apply tests/fault

setup: ## .venv with everything that development needs
	@sh scripts/setup.sh dev

lock: ## refresh requirements/*.txt from pyproject.toml
	@sh scripts/lock.sh

clean: ## remove .venv and what the tools have cached
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist

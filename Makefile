# `make` alone lists what there is.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
DEV_STAMP = $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help run test quick check bench lock clean

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 12

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Taskyard needs Python 3.11 or newer; this is %d.%d. Say which to use: make PYTHON=python3.13" % sys.version_info[:2])'
	@$(PYTHON) -m venv $(VENV)

$(STAMP): $(VENV)/bin/python requirements.txt setup.cfg pyproject.toml
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(DEV_STAMP): $(STAMP) requirements-dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

run: $(STAMP)  ## Install, migrate and start web + dispatcher on 127.0.0.1:8000
	@$(BIN)/taskyard up

test: $(DEV_STAMP)  ## All tests, on SQLite and PostgreSQL
	@$(BIN)/pytest -n 2 --dist loadfile

quick: $(DEV_STAMP)  ## The tests that start no processes
	@$(BIN)/pytest -n 2 --dist loadfile -m "not e2e and not browser"

check: $(DEV_STAMP)  ## Style, types, import order, guard tests, the API's description
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q tests/guards

lock: $(DEV_STAMP)  ## Pin everything anew from requirements*.in
	@$(BIN)/pip-compile --quiet --strip-extras --no-annotate --no-header --no-emit-index-url --no-emit-find-links -o requirements.txt requirements.in
	@$(BIN)/pip-compile --quiet --strip-extras --no-annotate --no-header --no-emit-index-url --no-emit-find-links -c requirements.txt -o requirements-dev.txt requirements-dev.in

clean:  ## Remove what was built, but no data
	rm -rf $(VENV) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

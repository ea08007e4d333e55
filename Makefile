# `make` alone lists what there is.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
DEV_STAMP = $(VENV)/.installed-dev
PIP = $(BIN)/pip install --quiet --disable-pip-version-check --root-user-action=ignore
COMPILE = $(BIN)/pip-compile --quiet --upgrade --strip-extras --no-annotate --no-header --no-emit-index-url \
	--no-emit-trusted-host --no-emit-find-links
PYTEST = $(BIN)/pytest -n 4 --dist loadfile --ignore=tests/guards

# The tests start Python some hundred times; where no bytecode may be kept, each start compiles all of it anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test quick check chaos hooks deliveries pushes machines bench bench-queue lock clean

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 12

# No f-strings, no syntax newer than what the oldest Python anybody has can parse: it must get as far as the sentence.
$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no $(PYTHON). Install Python 3.11 or newer, or say where one is: make PYTHON=/path/to/python3" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Taskyard needs Python 3.11 or newer; this is %d.%d. Say which to use: make PYTHON=python3.13" % sys.version_info[:2])'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "venv is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }

$(STAMP): $(VENV)/bin/python requirements.txt setup.cfg pyproject.toml
	@echo "Installing into $(VENV) ..."
	@$(PIP) -r requirements.txt
	@$(PIP) --no-deps -e .
	@touch $@

$(DEV_STAMP): $(STAMP) requirements-dev.txt
	@$(PIP) -r requirements-dev.txt
	@touch $@

run: $(STAMP)  ## Install, migrate and start web + dispatcher on 127.0.0.1:8000
	@$(BIN)/taskyard up

test: $(DEV_STAMP)  ## All tests but those of `check`, on SQLite and PostgreSQL
	@$(PYTEST) || { echo "Once more, alone, what failed beside others:"; \
		$(BIN)/pytest --last-failed --last-failed-no-failures none --ignore=tests/guards; }

quick: $(DEV_STAMP)  ## What takes no seconds and no server, on SQLite alone: a minute
	@$(PYTEST) -m "not e2e and not browser and not slow" -k "not postgresql"

check: $(DEV_STAMP)  ## Style, types, import order, guard tests, the API's description
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/pytest -q -n 2 --dist loadfile tests/guards

CHAOS_TASKS ?= 20000
CHAOS_SEEDS ?= 1 2 3
CHAOS_EVERY_S ?= 4

chaos: $(DEV_STAMP)  ## Kill everything at random for some minutes: CHAOS_TASKS=20000 CHAOS_SEEDS="1 2 3"
	@CHAOS_TASKS="$(CHAOS_TASKS)" CHAOS_SEEDS="$(CHAOS_SEEDS)" CHAOS_EVERY_S="$(CHAOS_EVERY_S)" CHAOS_KILLS=1000 \
		$(BIN)/pytest -rP -k nothing_is_lost tests/e2e/test_chaos.py

HOOKS_REQUESTS ?= 10000

hooks: $(DEV_STAMP)  ## Kill web while webhooks come in: HOOKS_REQUESTS=10000
	@HOOKS_REQUESTS="$(HOOKS_REQUESTS)" $(BIN)/pytest -rP -k what_was_answered tests/e2e/test_webhooks_in.py

DELIVERIES ?= 10000

deliveries: $(DEV_STAMP)  ## Kill the dispatcher while webhooks go out: DELIVERIES=10000
	@DELIVERIES="$(DELIVERIES)" $(BIN)/pytest -rP -k every_event_reaches tests/e2e/test_deliveries_survive.py

PUSHES ?= 5000

pushes: $(DEV_STAMP)  ## Kill the dispatcher while tasks are pushed: PUSHES=5000
	@PUSHES="$(PUSHES)" $(BIN)/pytest -rP -k however_often tests/e2e/test_pushes_survive.py

MACHINE_TIMES ?= 20

machines: $(DEV_STAMP)  ## Random deeds against a model of the queue, longer: MACHINE_TIMES=20
	@MACHINE_TIMES="$(MACHINE_TIMES)" $(BIN)/pytest -n 2 --dist load -k "model_does or held_back" tests/queue

bench: $(DEV_STAMP)  ## Taskyard against its FastAPI twins, into bench/results/ (takes wrk)
	@$(PIP) -r bench/requirements-bench.txt
	@$(BIN)/python -m bench

bench-queue: $(DEV_STAMP)  ## Tasks through the queue, beside other queues, at size and over time (takes an hour)
	@$(PIP) -r bench/requirements-bench.txt
	@for what in queue rivals growth held memory pickup idle deliveries blackhole hooks; do $(BIN)/python -m bench $$what || exit 1; done

lock: $(DEV_STAMP)  ## Pin everything anew from requirements*.in
	@$(COMPILE) -o requirements.txt requirements.in
	@$(COMPILE) -o requirements-dev.txt requirements-dev.in
	@$(COMPILE) -o bench/requirements-bench.txt bench/requirements-bench.in

clean:  ## Remove what was built, but no data
	rm -rf $(VENV) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

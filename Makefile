# `make run` serves, `make test` tests; both set up what they need in .venv, again only when pyproject.toml changes.

PYTHON ?= python3
HOST   ?= 127.0.0.1
PORT   ?= 9999
DB     ?= data/gameserver.db
VENV   ?= .venv

BIN       := $(VENV)/bin
RUN_ENV   := $(VENV)/.run
DEV_ENV   := $(VENV)/.dev
BENCH_ENV := $(VENV)/.bench
DIST_ENV  := $(VENV)/.dist

.DEFAULT_GOAL := help
.PHONY: run demo test soak lint typecheck audit check bench dist reference docs clean help

run: $(RUN_ENV) ## serve for development (HOST=, PORT= and DB= set the address and the database)
	@exec $(BIN)/gameserver serve --dev --host "$(HOST)" --port "$(PORT)" --db "$(DB)"

demo: $(RUN_ENV) ## play the World Cup final of 2022 in a minute, with 200 people betting (ARGS= passes arguments)
	@exec $(BIN)/gameserver demo $(ARGS)

# What some hundred processes of the tests import is compiled once, also where the environment forbids to keep it.
test soak: export PYTHONDONTWRITEBYTECODE =
test: $(DEV_ENV) ## run the tests (ARGS= passes arguments to pytest)
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

soak: export SOAK_ROUNDS ?= 300
soak: export SOAK_MESSAGES ?= 100000
soak: export SOAK_FAULTS ?= 300
soak: $(DEV_ENV) ## test power cuts (SOAK_ROUNDS=300), malformed messages (SOAK_MESSAGES=100000) and faults of several servers and their database (SOAK_FAULTS=300)
	$(BIN)/python -m pytest -n 0 -s tests/e2e/test_mixed_load.py tests/e2e/test_message_fuzz.py \
		tests/e2e/test_faults_at_nodes.py $(ARGS)

lint: $(DEV_ENV) ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(DEV_ENV) ## check types
	$(BIN)/mypy

audit: $(DEV_ENV) ## look for known vulnerabilities in the installed packages
	@$(BIN)/python -m tests.support.audit

check: test lint typecheck audit ## run test, lint, typecheck and audit

bench: $(BENCH_ENV) ## measure speed and memory beside other servers (ARGS= passes arguments, such as --quick)
	@mkdir -p build
	$(BIN)/python -m benchmarks --json build/bench.json $(ARGS)

dist: $(DIST_ENV) ## make the packages, in dist/: wheel, source, archive, executable, bill of materials, checksums
	$(BIN)/python -m packages

reference: $(DEV_ENV) ## regenerate docs/reference.md, the clients' types and the drawing of the imports
	$(BIN)/python -m gameserver.protocol.reference > docs/reference.md
	$(BIN)/python -m gameserver.protocol.stubs > gameserver/client/operations.pyi
	$(BIN)/python -m gameserver.protocol.client_types gameserver/web/console
	$(BIN)/python -m tests.support.drawing > docs/pictures/imports.svg

docs: $(DEV_ENV) ## make a site of README.md and docs/ in build/site
	@$(BIN)/python -m mkdocs build --quiet
	@echo "made build/site/index.html"

clean: ## remove everything that can be rebuilt; data/ stays
	rm -rf .venv .venv-* build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## list these targets
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "gameserver needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "no virtual environment could be made; on Debian: apt-get install python3-venv" >&2; exit 1; }

$(RUN_ENV): pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) …" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(DEV_ENV): pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) for development …" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(RUN_ENV)

$(BENCH_ENV): pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) for benchmarks …" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@ $(RUN_ENV)

$(DIST_ENV): pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) for packages …" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dist]'
	@touch $@ $(RUN_ENV)

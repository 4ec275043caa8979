# Needs make and Python 3.11 or newer; everything else is installed into .venv from hashed lock files.

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-input
# Modules are compiled when they are first imported: compiling all of SciPy and matplotlib on installation costs more.
LOCKED := --no-compile --require-hashes -r
OUTPUT ?= output

.DEFAULT_GOAL := help
.PHONY: help run test lint format bench docs lock clean

help: ## show this list
	@echo "analgesia: from a dose of a drug to felt pain and harm"
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-14s%s\n", $$1, $$2}'

run: $(VENV)/run.stamp ## judge the claims and write output/report.html (the first time: install into .venv)
	@$(BIN)/analgesia run --output $(OUTPUT)

test: $(VENV)/dev.stamp ## run the tests, as many at a time as there are cores
	@$(BIN)/python -m pytest -n auto --dist worksteal -q $(ARGS)

lint: $(VENV)/dev.stamp ## check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## put the code into the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp ## time the engine, ventilation and the nerve on this machine (quick)
	@for name in engine ventilation nerve; do echo "== $$name"; $(BIN)/python benchmarks/$$name.py --quick || exit 1; done

docs: $(VENV)/dev.stamp ## write what the documents take from the program: pictures and the page of commands
	@for script in docs/*.py; do $(BIN)/python $$script || exit 1; done

lock: $(VENV)/dev.stamp ## renew both lock files after a change of dependencies in pyproject.toml
	@$(PIP) uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra build pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra build --extra dev --extra inference --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock

clean: ## remove the environment, caches and everything that was generated
	rm -rf $(VENV) $(OUTPUT) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# ------------------------------------------------------------------------------------------------- environment
# A stamp is written last, so an interrupted installation is repeated and a finished one is not.

$(BIN)/python:
	@python="$(PYTHON)"; \
	if [ -z "$$python" ]; then \
		for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do \
			if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
				python=$$candidate; break; \
			fi; \
		done; \
	fi; \
	if [ -z "$$python" ]; then \
		echo "analgesia needs Python 3.11 or newer; found: $$(python3 --version 2>/dev/null || echo no python3)." >&2; \
		echo "Install one, or name it: make run PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	if ! $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo "analgesia needs Python 3.11 or newer; PYTHON=$$python is not one." >&2; exit 1; \
	fi; \
	if ! $$python -c 'import venv, ensurepip' 2>/dev/null; then \
		echo "$$python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	fi; \
	echo "Creating $(VENV) with $$($$python --version)"; \
	$$python -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what analgesia needs from requirements.lock (about a minute, once)"
	@$(PIP) $(LOCKED) requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	@echo "Installing the test tools from requirements-dev.lock (once)"
	@$(PIP) $(LOCKED) requirements-dev.lock
	@touch $@

# Everything that can be done with a clone; it needs Python 3.11 or later, and make.
# The environment in .venv makes itself from requirements.lock the first time, and again when the lock changes.

VENV ?= .venv
# One more than there are cores: some tests wait for a server, a process or a clock.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
BIN := $(VENV)/bin
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$python; break; fi; done)

# Without bytecode every import is three to five times slower.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help venv demo test torture lint types imports check format docs screenshots bench lock build clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.locked: requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later was not found; install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "installing the locked packages into $(VENV): once, some minutes on a slow line"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --requirement requirements.lock
	@touch $@

$(VENV)/.editable: $(VENV)/.locked pyproject.toml
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

venv: $(VENV)/.editable ## make the environment in .venv

demo: venv ## the loop turns once, on the flights that left New York in 2013
	rm -rf loopline-demo
	$(BIN)/loopline demo
	@echo; echo "the command loopline is in $(BIN): put it on your path with . $(BIN)/activate"

test: venv ## run the tests
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

torture: venv ## run the long fault and fuzz tests, and the properties on more examples: an hour or two
	$(BIN)/python -m pytest -m "torture or hypothesis" --hypothesis-profile long --timeout 7200 --numprocesses $(WORKERS) --dist worksteal

lint: venv ## look for what ruff finds
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv ## check the types
	$(BIN)/mypy

imports: venv ## check that every import points one way
	$(BIN)/lint-imports

check: lint types imports test ## lint, types, imports and tests: what CI runs

format: venv ## lay the code out
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: venv ## write docs/commands.md from the command line
	$(BIN)/python docs/write_commands.py

screenshots: venv ## take pictures of every page of the demo, into build/screenshots
	$(BIN)/python -m tests.web.browser.pictures

bench: venv ## print the figures, each beside its goal
	$(BIN)/python -m bench.run

lock: venv ## resolve the dependencies again and write requirements.lock and serving.lock
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --python-version 3.11 --extra demo --extra dev --extra postgres --extra mysql --extra s3 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --output-file requirements.lock
	cd src/loopline/release/deploy && $(abspath $(BIN))/uv pip compile serving.in --quiet --upgrade --python-version 3.11 --constraint $(CURDIR)/requirements.lock \
		--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --no-header --output-file serving.lock

build: venv ## build wheel and sdist into dist/
	$(BIN)/python -m build --no-isolation

clean: ## remove what was built; .venv stays
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests bench examples -name __pycache__ -prune -exec rm -rf {} +

# `make demo` runs the main job, `make test` the tests; both set up everything they need in .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
NIGHTS ?= 24
SEED   ?= 1
JOBS   ?= 2
# These start clusters, servers and installations of their own: one after the other.
CLUSTER_TESTS := tests/cohort tests/flows tests/end_to_end tests/packaging

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow lint kernels-without-jit lock docs wheel clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

setup: $(VENV)/.installed  ## create .venv with the locked packages and this checkout

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed, this is " + sys.version.split()[0] + ": make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked packages into $(VENV) (about a minute, 0.9 GB)"
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install -q --python $(BIN)/python --require-hashes -r requirements.lock; \
	else \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock; \
	fi
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup  ## simulate a cohort, run everything, show where release and reports are (NIGHTS=24 SEED=1)
	$(BIN)/plms demo plms_demo --nights $(NIGHTS) --seed $(SEED) --overwrite

test: setup lint kernels-without-jit  ## linters, types, layers and all fast tests
	$(BIN)/python -m pytest -m "not slow" -n $(JOBS) --dist loadfile

test-slow: setup  ## whole nights, every seed, kills and resumes, the wheel outside the checkout
	$(BIN)/python -m pytest -m slow -n $(JOBS) --dist loadfile $(CLUSTER_TESTS:%=--ignore=%)
	$(BIN)/python -m pytest -m slow $(CLUSTER_TESTS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python docs/generate.py --check

kernels-without-jit: setup
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -q tests/kernels -m "not slow"

docs: setup  ## regenerate the generated pages
	$(BIN)/python docs/generate.py

lock: setup  ## resolve the lock anew (needs uv)
	uv pip compile pyproject.toml --group dev --generate-hashes --no-emit-index-url --python-version 3.11 --no-header -q -o requirements.lock

wheel: setup  ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

clean:  ## remove the demo and build products (not .venv)
	rm -rf plms_demo dist build .pytest_cache .mypy_cache .ruff_cache

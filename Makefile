# Two commands do everything on a fresh machine with Python >= 3.11, git and make: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
WORKERS ?= auto
TESTS   ?= tests/cluster

.DEFAULT_GOAL := help
.PHONY: help demo test test-cluster check bench format clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## the whole story on this machine: dev, staging, production, and back (ARGS="--keep" leaves it running)
	@$(BIN)/headway demo --no-input $(ARGS)

test: $(VENV)/.dev ## every test, in parallel (ARGS="-k words" picks some)
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

test-cluster: $(VENV)/.dev ## the tests on a real Kubernetes, which this builds (once), starts and removes; Debian, root, go (ARGS="-k words")
	@scripts/cluster run $(BIN)/python -m pytest -n 3 --no-loadscope-reorder -o cache_dir=.pytest_cache/cluster $(TESTS) $(ARGS)

check: $(VENV)/.dev ## lint, format, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## what can be measured; ARGS=all measures it, ARGS=engine one; docs/benchmarks.md tells what came out
	$(BIN)/python -m bench $(ARGS)

format: $(VENV)/.dev ## put the code in its usual shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what make made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.run: pyproject.toml
	@scripts/setup "$(PYTHON)" $(VENV)
	@touch $@

$(VENV)/.dev: pyproject.toml
	@scripts/setup "$(PYTHON)" $(VENV) dev
	@touch $(VENV)/.run $@

# The targets that everybody needs; CONTRIBUTING.md says when.

PYTHON ?= python3
PYTEST_ARGS ?= -n 2
BIN := .venv/bin
REQUIREMENTS := setup.cfg constraints.txt pyproject.toml
COMMA := ,

.PHONY: venv quickstart test test-export check clean

venv: .venv/.installed

# torch goes first, alone and by its exact pin: a CPU build that is offered wins then, and nothing replaces it later.
define install
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --constraint constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(BIN)/pip install --constraint constraints.txt --editable "$(1)"
	touch $@
endef

.venv/.installed: $(REQUIREMENTS)
	$(call install,.[dev])
	touch .venv/.runtime

# What running needs, without what only developing needs.
.venv/.runtime: $(REQUIREMENTS)
	$(call install,.)

quickstart: .venv/.runtime
	$(BIN)/segkit train shapes_quickstart --out runs/quickstart

test: .venv/.installed
	$(BIN)/pytest $(PYTEST_ARGS)

# Exported files by every runtime, the slow tests too.
test-export: .venv/.export
	$(BIN)/pytest -m "slow or not slow" tests/deploy

.venv/.export: .venv/.installed
	$(call install,.[dev$(COMMA)openvino$(COMMA)tflite])

check: .venv/.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Leaves .venv and runs/ alone.
clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find segkit tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Everything is set up by the first target that needs it; nothing is installed by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PROJECTS := $(wildcard core/pyproject.toml plugins/*/pyproject.toml contrib/*/pyproject.toml)
GROUP ?= core
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help install demo test test-all test-odl lint format docs bench clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' $(MAKEFILE_LIST)

$(STAMP): requirements-dev.txt constraints.txt $(PROJECTS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt -c constraints.txt
	touch $@

install: $(STAMP)  ## create .venv with every distribution, editable

demo: $(STAMP)  ## deblur a real photograph by several methods; pictures in wellposed-demo/
	$(BIN)/wellposed demo --force

test: $(STAMP)  ## the tests, under ten minutes
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

test-all: $(STAMP) test-odl  ## the tests with the slow ones: statistics, packaging, browser, ODL
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "slow or not slow"

# ODL brings a pytest plugin that does not load on pytest 9, so it lives beside the environment
$(VENV)/odl: $(STAMP)
	$(BIN)/python -m pip install --quiet --no-deps --target $@ -c constraints.txt odl array-api-compat future

test-odl: $(VENV)/odl  ## scans and phantoms against ODL's own numbers
	PYTHONPATH=$(VENV)/odl $(BIN)/python -m pytest -q tests/plugins/ct -k odl

coverage: $(STAMP)  ## branch coverage of the core
	$(BIN)/python -m pytest -q -n 2 tests/core tests/contract --cov --cov-report=term-missing:skip-covered

lint: $(STAMP)  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy core/src/wellposed $(wildcard plugins/*/src/*) $(wildcard contrib/*/src/*)

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP)  ## the documentation, in docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: $(STAMP)  ## benchmarks against named peers: make bench GROUP=core
	$(BIN)/python -m bench $(GROUP)

clean:
	rm -rf $(VENV) docs/_build wellposed-demo .pytest_cache .mypy_cache .ruff_cache

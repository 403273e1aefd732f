# make demo: set up and run the main job on what the package ships.  make test: set up and pass the tests.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Tests start many processes, which compile every module anew where compiled ones may not be kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test guide texts notebook lint types docs check clean

setup: $(VENV)/.ready

$(VENV)/.ready: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "layerlab needs Python 3.11 or newer, this is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	touch $@

demo: setup
	$(BIN)/layerlab demo demo

test: setup
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

# What the pages of the guide show, which takes some minutes more.
guide: setup
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m slow tests/docs

# The texts about results, from the records.
texts: setup
	$(BIN)/python -m results.write

# The notebook of the guide, with what its cells give.
notebook: setup
	$(BIN)/python -m tests.docs.renew_notebook

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

# The theme announces its successor at every build; that is no warning about these pages.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -q --strict

check: lint types docs test

clean:
	rm -rf $(VENV) build dist *.egg-info demo

# Needs Python >= 3.11 and make, nothing else: `make demo` and `make test` bring the rest into .venv.
.DEFAULT_GOAL := help
.PHONY: help demo test test-all mutants lint types docs gallery bench bench-quick speed clean

# Another interpreter: make demo PYTHON=/path/to/python3
PYTHON ?= python3 python python3.14 python3.13 python3.12 python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##/\1/p' $(firstword $(MAKEFILE_LIST)) | while read -r target words; do \
	    printf '  make %-12s %s\n' "$$target" "$$words"; done

demo: $(VENV)/.installed  ## a small campaign, verified theorems and an HTML report
	@echo "zobench: running the demonstration"
	@$(BIN)/zobench demo

test: $(VENV)/.installed-test  ## the test suite
	@echo "zobench: running the tests"
	@$(BIN)/pytest -q -n 3 --dist loadfile

test-all: $(VENV)/.installed-test  ## the test suite with the slow tests
	@echo "zobench: running all tests, the slow ones too"
	@$(BIN)/pytest -q -m "" -n 3 --dist loadfile

mutants: $(VENV)/.installed-test  ## every mutant of every check of theorems (the default suite tries one of each): docs/mutants.md
	@echo "zobench: running the tests of theorems, the slow ones too"
	@$(BIN)/pytest -q -m mutants --write-mutants tests

lint: $(VENV)/.installed-test  ## style: ruff check and ruff format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test  ## types: mypy over the installed wheel, from an empty folder
	@.ci/types

# The site needs no network once installed; links to other sites are listed in docs/_build/links.txt, not fetched.
# Verdicts of another store than that of `zobench verify`: make docs STORE=FILE
STORE ?= results/zobench.sqlite
docs: $(VENV)/.installed-docs docs/_build/verdicts.sqlite  ## the documentation site: docs/_build/html/index.html
	@echo "zobench: building the site"
	@$(BIN)/python -m sphinx -q -W --keep-going -n -j 2 -d docs/_build/doctrees \
	    -D zobench_stores='docs/_build/verdicts.sqlite,$(STORE)' docs docs/_build/html
	@$(BIN)/python docs/links.py docs/_build/html --list docs/_build/links.txt
	@echo "zobench: open docs/_build/html/index.html"

# The badges of the site: the quick cells of every theorem, tried again when code has changed.
docs/_build/verdicts.sqlite: $(VENV)/.installed-docs $(wildcard zobench/*.py zobench/*/*.py problems/*.py solvers/*.py)
	@echo "zobench: trying the theorems (a minute)"
	@mkdir -p docs/_build && rm -f $@
	@$(BIN)/zobench verify --quick --store $@ >/dev/null || test $$? -eq 1

gallery: $(VENV)/.installed  ## the reports of all campaigns that come with zobench: docs/gallery (half an hour)
	@$(BIN)/python docs/gallery.py

bench: $(VENV)/.installed-asv  ## the asv suite at HEAD, in an environment that asv builds; compared with what is stored
	@$(BIN)/asv machine --yes >/dev/null
	@$(BIN)/asv run --show-stderr --skip-existing-successful \
	    -E virtualenv:$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])') 'HEAD^!'
	@$(BIN)/zobench regress .asv/results --out .asv/regress

bench-quick: $(VENV)/.installed-asv  ## the asv suite once over, in .venv; kept if nothing is uncommitted
	@$(BIN)/asv machine --yes >/dev/null
	@kept=$$(git rev-parse HEAD 2>/dev/null) && git diff --quiet HEAD && kept="--set-commit-hash=$$kept" || kept=; \
	    $(BIN)/asv run --quick --python=same --show-stderr $$kept && \
	    if test -n "$$kept"; then $(BIN)/zobench regress .asv/results --out .asv/regress; fi

speed: $(VENV)/.installed  ## what a query costs beside loops written by hand, and how long start-up takes
	@$(BIN)/python -m benchmarks.bench

clean:  ## remove .venv and whatever builds and tools left
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache docs/_build docs/generated
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# The stamps are newer than pyproject.toml as long as what it asks for is installed.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "zobench: installing into $(VENV) (some minutes when nothing is downloaded yet)"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	@echo "zobench: installing with the test tools into $(VENV) (some minutes when nothing is downloaded yet)"
	@$(PIP) install --editable '.[test]'
	@touch $(VENV)/.installed $@

$(VENV)/.installed-docs: pyproject.toml | $(BIN)/python
	@echo "zobench: installing with the builder of the site into $(VENV) (some minutes when nothing is downloaded yet)"
	@$(PIP) install --editable '.[docs]'
	@touch $(VENV)/.installed $@

$(VENV)/.installed-asv: pyproject.toml | $(BIN)/python
	@echo "zobench: installing with asv into $(VENV) (some minutes when nothing is downloaded yet)"
	@$(PIP) install --editable '.[asv]'
	@touch $(VENV)/.installed $@

$(BIN)/python:
	@for python in $(PYTHON); do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "zobench: making $(VENV) with $$("$$python" --version)"; \
	        rm -rf $(VENV); \
	        "$$python" -m venv $(VENV) && exit 0; \
	        rm -rf $(VENV); \
	        echo "zobench: $$python cannot make an environment: install its venv module (Debian: python3-venv)" >&2; \
	        exit 1; \
	    fi; \
	done; \
	echo "zobench: needs Python >= 3.11, found none among: $(PYTHON); say make PYTHON=/path/to/python3" >&2; \
	exit 1

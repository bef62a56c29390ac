# Needs GNU make, Python 3.11 or 3.12 and a network to the package registry. docs/installation.md says more.

# The Python to build the environment with; left empty, the first that fits of python3.12, python3.11, python3 and python.
PYTHON ?=
# The environment's folder. A relative path without spaces; the repository itself may lie in a path with spaces.
VENV ?= .venv
# Handed on to the command of a target: make test ARGS="-k crf"
ARGS ?=

IN_VENV := $(VENV)/bin/python
PIP := $(IN_VENV) -m pip --disable-pip-version-check
INSTALLED := $(VENV)/.installed
BASELINES := $(VENV)/.installed-baselines
REQUIREMENTS := requirements.txt requirements-dev.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo cross-lingual test test-fast lint types baselines wheel clean distclean FORCE

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1|/p' Makefile | while IFS='|' read -r target text; do printf '  make %-14s %s\n' "$$target" "$$text"; done

install: $(INSTALLED) ## Make the environment in .venv, with everything pinned

demo: $(INSTALLED) ## From 120 English sentences to taggers of Spanish, German and Swahili, in six minutes
	$(IN_VENV) scripts/demo.py $(ARGS)

# SOURCE may name several corpora: make cross-lingual SOURCE="en de" TARGET=es ENCODER=... ARGS="--seeds 13 14 15 --jobs 2"
cross-lingual: $(INSTALLED) ## Train teachers on SOURCE and students for TARGET (folders of NER_DATA), and compare them
	$(IN_VENV) -m allennlp cross-lingual --source $(SOURCE) --target $(TARGET) $(if $(ENCODER),--encoder $(ENCODER)) $(ARGS)

# A file of tests to a worker, of which there are as many as cores and at most 4: each takes some 2 GB.
PYTEST := $(IN_VENV) -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
test: $(INSTALLED) ## Run the whole test suite
	$(PYTEST) $(ARGS)

test-fast: $(INSTALLED) ## Run the tests that are not marked slow, in two minutes on two cores
	$(PYTEST) -m "not slow" $(ARGS)

lint: $(INSTALLED) ## Check the code with ruff
	$(IN_VENV) -m ruff check . $(ARGS)

types: $(INSTALLED) ## Check the types with mypy
	$(IN_VENV) -m mypy $(ARGS)

baselines: $(BASELINES) ## Add allennlp-models, whose crf_tagger serves as an outside baseline

wheel: $(INSTALLED) ## Build the wheel into dist
	rm -rf build
	$(IN_VENV) -m build --wheel --no-isolation --outdir dist . $(ARGS)

clean: ## Remove build products and caches; .venv and runs stay
	rm -rf build dist *.egg-info __pycache__ .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find lowresource_ner tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove .venv too
	test ! -f $(VENV)/pyvenv.cfg || rm -rf $(VENV)

# The stamp is written last, so an installation that was broken off is taken up again by the next call, and it holds the folder
# that was installed: in a copied or moved tree the editable installation would still point to the old place.
ifneq ($(shell cat $(INSTALLED) 2>/dev/null),$(shell pwd -P))
$(INSTALLED): FORCE
endif

# The pins bind the isolated builds of the few packages that come as sources only, too (pip reads the second name from 25.3 on).
$(INSTALLED) $(BASELINES): export PIP_CONSTRAINT = requirements.txt
$(INSTALLED) $(BASELINES): export PIP_BUILD_CONSTRAINT = requirements.txt

$(INSTALLED): $(REQUIREMENTS) setup.cfg pyproject.toml
	@rm -f $@
	@test ! -f $(VENV)/pyvenv.cfg || $(IN_VENV) -c '' 2>/dev/null || rm -rf $(VENV)
	@$(IN_VENV) -m pip --version >/dev/null 2>&1 || { python=$$(sh scripts/find_python.sh "$(PYTHON)") && \
	    echo "Making $(VENV) with $$python" && "$$python" -m venv $(VENV); }
	@sh scripts/find_python.sh $(IN_VENV) >/dev/null
	$(PIP) install --no-deps $(REQUIREMENTS:%=-r %)
	$(PIP) install --no-deps --no-build-isolation -e .
	@pwd -P > $@

# allennlp-models looks for nltk's "punkt" data when it is imported and downloads it if the folder is not there. No code in use
# reads it, so an empty folder where nltk looks first, in the environment itself, spares every command the attempt.
$(BASELINES): requirements-baselines.txt $(INSTALLED)
	@rm -f $@
	$(PIP) install --no-deps -r requirements-baselines.txt
	@mkdir -p $(VENV)/nltk_data/tokenizers/punkt
	@touch $@

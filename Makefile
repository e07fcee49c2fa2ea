# make compare   the page that compares two networks, at http://localhost:5006/compare
# make game      the ClickMe game, at http://localhost:5006/game
# make experiment  rapid categorisation, at http://localhost:5006/experiment
# make test      the tests; make test-fast the quick ones, make test-long soak, chaos, load, installs
# make docs      the documentation, in build/docs
# make help      the rest

VENV = .venv
BIN = $(VENV)/bin
PYTHON =
PIP_FLAGS =
ARGS =

# Apart from all else: such a torchvision does not import beside CPU builds of torch, but where tests see to it.
TIMM = 'timm==1.0.31' 'torchvision==0.28.*'
# For long tests alone: TensorFlow never stands beside torch, and pandas and HoloViews behave otherwise beside pyarrow.
KERAS = 'tensorflow-cpu==2.21.*' 'tf_keras==2.21.*' 'keras==3.15.*' scipy validators
VIT_KERAS = 'vit-keras==0.1.2'
PYARROW = 'pyarrow>=18'

# Files of tests are shared out to workers, whose number tests/conftest.py decides.
PYTEST = $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

.PHONY: compare game experiment test test-fast test-long test-all golden lint docs wheel help clean

compare: $(VENV)/.installed
	@$(BIN)/gala-viz compare $(ARGS)

game: $(VENV)/.installed
	@$(BIN)/gala-viz game $(ARGS)

experiment: $(VENV)/.installed
	@test -e experiment/experiment.toml || $(BIN)/gala-viz experiment prepare
	@$(BIN)/gala-viz experiment run $(ARGS)

test-fast: $(VENV)/.installed-test
	@$(PYTEST) -m 'not (slow or browser or notebook or training or golden or integration)' $(ARGS)

test: $(VENV)/.installed-test
	@$(PYTEST) -m 'not slow' $(ARGS)

# One worker: what these tests measure must not depend on which of them run side by side.
test-long: $(VENV)/.installed-test $(VENV)/.installed-apart
	@$(BIN)/python -m pytest -m slow --junitxml=build/long-tests.xml $(ARGS); status=$$?; \
		$(BIN)/python -m tests.long_tests build/long-tests.xml docs/long-tests.md && exit $$status

test-all: test-long

golden: $(VENV)/.installed-test
	@$(BIN)/python -m tests.golden.behaviour $(ARGS)

lint: $(VENV)/.installed-test
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.docstrings
	@$(BIN)/python -m tests.type_errors

wheel: $(VENV)/.installed-test
	@$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheels .
	@ls build/wheels

docs: $(VENV)/.installed-docs
	@$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet $(ARGS) docs build/docs
	@echo "The documentation is at file://$(CURDIR)/build/docs/index.html"

help:
	@echo "make compare   installs into $(VENV) where needed, serves http://localhost:5006/compare, opens a browser"
	@echo "make game      the same environment, serves the game at http://localhost:5006/game; rounds go to records.sqlite"
	@echo "make experiment  the same environment; prepares ./experiment on the rendered objects once, then serves it"
	@echo "make test      the same environment, the tests; without a browser or PostgreSQL their tests are skipped"
	@echo "make test-fast those that need no browser, no command and no whole network, in under three minutes"
	@echo "make test-long soak, chaos, load, clean installs, the documentation; the result goes to docs/long-tests.md"
	@echo "make golden    the reference of behaviour anew (tests/golden); prints what differs; ARGS='links store' for parts"
	@echo "make lint      style, formatting, import rules, docstrings and types alone"
	@echo "make wheel     the package as a file, in build/wheels"
	@echo "make docs      the documentation as HTML in build/docs; executes the notebooks once and keeps what they gave"
	@echo "make clean     removes $(VENV) and what the tools left behind"
	@echo
	@echo "ARGS='...'      options of the command: make compare ARGS='--collection ~/photographs --port 5007'"
	@echo "                make docs ARGS='-D nb_execution_mode=off' leaves the notebooks as they are"
	@echo "PYTHON=...      the Python (3.11 to 3.13) that makes $(VENV): make compare PYTHON=python3.12"
	@echo "PIP_FLAGS=...   options of pip, for example an index that offers another build of torch"

clean:
	rm -rf $(VENV) build docs/notebooks dist *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# One stamp for each set of dependencies: nothing is installed again until pyproject.toml changes.
$(VENV)/.installed: pyproject.toml $(BIN)/pip
	@echo "Installing gala_viz into $(VENV); the first time this takes a few minutes."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml $(BIN)/pip
	@echo "Installing gala_viz and its tests into $(VENV); the first time this takes a few minutes."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) --editable '.[test]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) --no-deps --upgrade --target $(VENV)/timm $(TIMM) \
		|| echo "timm is not to be had here: the tests of its networks are skipped." >&2
	@touch $(VENV)/.installed $@

# What is not to be had is left out, with a line; its tests are then skipped.
$(VENV)/.installed-apart: | $(VENV)/.installed-test
	@echo "Installing Keras with TensorFlow (2.3 GB) and pyarrow apart, into $(VENV)/keras and $(VENV)/pyarrow."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) --upgrade --target $(VENV)/keras $(KERAS) \
		&& $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) --no-deps --ignore-requires-python \
			--upgrade --target $(VENV)/keras $(VIT_KERAS) \
		|| echo "Keras is not to be had here: its tests are skipped." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) --no-deps --upgrade --target $(VENV)/pyarrow $(PYARROW) \
		|| echo "pyarrow is not to be had here: its tests are skipped." >&2
	@touch $@

$(VENV)/.installed-docs: pyproject.toml $(BIN)/pip
	@echo "Installing gala_viz and what makes its documentation into $(VENV); the first time this takes a few minutes."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) --editable '.[docs]'
	@touch $(VENV)/.installed $@

# The first Python that starts and is of a supported version; PYTHON=... names another.
$(BIN)/pip:
	@named="$(PYTHON)"; \
	for python in $${named:-python3 python3.13 python3.12 python3.11}; do \
		if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; then \
			"$$python" -m venv $(VENV) && exit 0; \
			rm -rf $(VENV); \
			echo "$$python could not make $(VENV); on Debian and Ubuntu its venv package is installed apart." >&2; \
			exit 1; \
		fi; \
	done; \
	echo "No Python from 3.11 to 3.13 among: $${named:-python3 python3.13 python3.12 python3.11}." >&2; \
	echo "Install one, or name yours: make PYTHON=/path/to/python3.12" >&2; \
	exit 1

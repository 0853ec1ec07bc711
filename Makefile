# One word per development task; CI and people say the same ones. Needs a POSIX make and Python 3.11 or later.
.POSIX:

PYTHON = python3
BIN = .venv/bin
BENCH =
PYTEST = $(BIN)/python -m pytest -q -n auto --dist loadfile --no-loadscope-reorder
INSTALLED = .venv/.installed-by-make
DEV_INSTALLED = .venv/.installed-for-development
BENCH_INSTALLED = .venv-bench/.installed-by-make
# uv takes a tenth of pip's time; where it cannot be had, pip installs the same versions.
INSTALL = .ci/install .venv

.PHONY: help setup demo fmt check docs test test-all bench clean constraints

help: # list these words
	@echo "make <word>, where <word> is one of"
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*# \(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "  %-12s %s\n", $$1, $$2 }'

setup: $(INSTALLED) # make .venv and install what running needs, pinned; instant when nothing changed

# The stamp is younger than both files exactly while the environment is what they say.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "fer-exp needs Python 3.11 or later, and '$(PYTHON)' is not that. Nothing was installed." >&2; \
		echo "Name another one: make PYTHON=python3.11 <word>" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments. Nothing was installed." >&2; \
		echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv; a minute or a few, most of it TensorFlow."
	@$(INSTALL) '.'
	@$(BIN)/fer-exp doctor --install
	@touch $(INSTALLED)

$(DEV_INSTALLED): $(INSTALLED)
	@$(INSTALL) '.[dev]'
	@touch $(DEV_INSTALLED)

demo: setup # a whole campaign on the built-in demo data, in about a minute
	$(BIN)/fer-exp search experiments/demo.py --workers auto
	@echo 'Before:  . .venv/bin/activate     once in each shell, so that it knows the command fer-exp'

fmt: $(DEV_INSTALLED) # format the code and mend what can be mended without a person
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: $(DEV_INSTALLED) # format, lint, types, the direction of imports, security advisories, the site
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/advisories.py
	@$(MAKE) docs

docs: $(DEV_INSTALLED) # build the site into build/site, where a warning is an error; open build/site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

# A process for each core and one that waits; tests of one file stay together, because they share what is slow to make.
test: $(DEV_INSTALLED) # what a change needs first: all tests but tests/promises and those that take more than ten seconds
	$(PYTEST) --ignore tests/promises -m 'not slow'

test-all: $(DEV_INSTALLED) # all tests, kills, faults, outages, rubbish and full disks too, and which of them are slow
	$(PYTEST) --durations=10

# An environment of its own: the peers' packages would change what the tests run in, and what MLflow finds to log.
bench: $(BENCH_INSTALLED) # measurements against other packages; BENCH names rows, or options such as --data
	.venv-bench/bin/python -m benchmarks $(BENCH)

$(BENCH_INSTALLED): pyproject.toml constraints.txt
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.ci/install .venv-bench '.[bench]'
	@touch $(BENCH_INSTALLED)

clean: # delete what tools leave behind; .venv and mlruns stay
	rm -rf build dist fer_exp.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name .venv -prune -o -name mlruns -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# In a fresh environment, so that nothing installed by hand slips in. pip and what builds packages stay free.
constraints: # refresh constraints.txt with the newest versions that fit; then run check and test
	@set -e; fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	$(PYTHON) -m venv "$$fresh/venv"; \
	"$$fresh/venv/bin/python" -m pip install --quiet --disable-pip-version-check '.[dev,bench,onnx,openvino,litert]'; \
	sed -n '/^#/p' constraints.txt > "$$fresh/new"; \
	"$$fresh/venv/bin/python" -m pip freeze --exclude pip --exclude setuptools --exclude wheel --exclude fer-exp \
		>> "$$fresh/new"; \
	cp "$$fresh/new" constraints.txt

# The commands of this project. They need python3 (3.11 to 3.13) with venv, and make; the rest goes into .venv.
PYTHON ?= python3

BIN := .venv/bin
UV := UV_PYTHON_DOWNLOADS=never $(BIN)/uv
COMPILE := $(UV) pip compile --quiet --universal --python $(BIN)/python --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

# An active virtualenv or a personal pip set-up must not decide where packages go.
unexport VIRTUAL_ENV CONDA_PREFIX PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX UV_SYSTEM_PYTHON
# Without compiled modules every process that a test starts would compile matplotlib and others anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup report test lab bench lock clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup: .venv/.stamp  ## make .venv with the locked packages (the other commands do this first)

report: .venv/.stamp  ## run the sample study: build/report.html
	@$(BIN)/servqual report data/sample/study.toml --out build

test: .venv/.stamp  ## lint, format, types, then every test
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy survey_design servqual & types=$$!; $(BIN)/python -m pytest -n auto --dist loadfile; tests=$$?; \
	wait $$types || { echo "mypy found errors: see its lines above" >&2; exit 1; }; exit $$tests

lab: .venv/.stamp  ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab notebooks

bench: .venv/.bench  ## measure speed and memory, beside other packages (installs these first)
	@$(BIN)/python -m benchmarks

lock: .venv/.uv  ## resolve pyproject.toml into the lock files; UPGRADE=1 takes newer releases
	@$(COMPILE) --extra all --output-file requirements.lock pyproject.toml
	@$(COMPILE) --no-annotate --extra all --extra bench --constraint requirements.lock --output-file requirements-bench.lock pyproject.toml
	@echo uv | $(COMPILE) --no-annotate --output-file requirements-uv.lock -

clean:  ## remove .venv, build and caches
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Peers to be timed against come on top, and go with the next set-up.
.venv/.bench: .venv/.stamp requirements-bench.lock
	@echo "Installing the packages to compare with"
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements-bench.lock
	@touch $@

# Set-up in two steps, so that `make lock` needs only the first.
.venv/.uv: requirements-uv.lock
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON): install Python 3.11, 3.12 or 3.13, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info[:2] < (3, 14) or sys.exit("This is Python %d.%d: install Python 3.11, 3.12 or 3.13 and name it: make PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python lacks venv: install it (Debian, Ubuntu: sudo apt-get install python3-venv) and run make again" >&2; exit 1; }
	@echo "Setting up .venv (about a minute)"
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements-uv.lock
	@touch $@

.venv/.stamp: .venv/.uv requirements.lock pyproject.toml
	@echo "Installing the locked packages"
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements-uv.lock requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

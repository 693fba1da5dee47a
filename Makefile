# `make` lists the targets. Only Python 3.11 or later with pip, and make, have to be installed.
PYTHON ?= python3
UV := .tools/bin/uv
VENV := .venv/bin/python
SYNCED := .venv/.synced

# Use the installed interpreter: only the packages of uv.lock are downloaded.
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
# Trust the certificates of the operating system, as pip does, if there is a list of them.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),)
export UV_SYSTEM_CERTS ?= true
endif
# These targets start many Python processes. Without stored bytecode each of them would compile all packages again.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(SYNCED) ## Start everything on this machine until Ctrl-C (settings: HOST, PORT, KEYLEDGER_HOME)
	@exec $(VENV) -m embedded run

.PHONY: demo-data
demo-data: $(SYNCED) ## Add an organization with a month of history to the data of make run, while it is stopped
	@exec $(VENV) -m embedded demo-data

# One process more than there are processors: some tests wait for a period to pass, and leave their processor idle.
JOBS ?= $(shell $(PYTHON) -c 'import os; print(1 + len(os.sched_getaffinity(0)))')
# A file is run by one process, so that its fixtures are made once; tests/conftest.py puts the files that take long first.
PYTEST = $(VENV) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --randomly-dont-reorganize
# The tests that `make check` runs with coverage, and therefore not again.
COVERED := tests/domain tests/golden

.PHONY: test
test: $(SYNCED) ## Run all tests, which start their own servers
	@$(PYTEST)

.PHONY: test-fast
test-fast: $(SYNCED) ## Run the tests that need no server of their own, no browser and no npm
	@$(PYTEST) -m "not slow and not soak"

.PHONY: test-ui
test-ui: $(SYNCED) ## Run the tests of the pages in a browser (needs Chromium)
	@$(PYTEST) tests/ui

.PHONY: gateways
gateways: $(UV) ## Install Envoy and Traefik into .tools, for the tests of docs/gateways.md
	@UV_PROJECT_ENVIRONMENT=.tools/gateways $(UV) sync --frozen --quiet --only-group gateways --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')"

.PHONY: soak
soak: $(SYNCED) ## Run long forms of tests: more kills, all bad requests on all routes, more of schemathesis
	@$(PYTEST) -m soak

.PHONY: check
check: $(SYNCED) ## Run what CI runs: lock file, format, lint, types, imports, coverage, tests
	$(UV) lock --check --quiet
	$(VENV) -m ruff format --check .
	$(VENV) -m ruff check .
	$(VENV) -m pyright
	.venv/bin/lint-imports
	$(VENV) -m pytest -q -n 2 $(COVERED) --cov domain --cov-branch --cov-report term-missing:skip-covered --cov-fail-under 100
	@$(PYTEST) $(COVERED:%=--ignore=%)

.PHONY: fix
fix: $(SYNCED) ## Format, apply safe lint fixes, regenerate docs/openapi.json and what is made of it
	$(VENV) -m ruff format .
	$(VENV) -m ruff check --fix .
	$(VENV) -m ruff format .
	$(VENV) -m app openapi > docs/openapi.json
	$(VENV) -m clients.typescript.generator clients/typescript/src/generated.ts
	$(VENV) -m infrastructure.settings_table docs/configuration.md

.PHONY: screenshots
screenshots: $(SYNCED) ## Write a picture of every page to docs/screenshots (needs Chromium)
	@$(VENV) -m tests.ui.screenshots docs/screenshots

.PHONY: bench
bench: $(SYNCED) ## Measure this machine, then kill processes under load (over an hour; needs wrk)
	@$(VENV) -m benchmarks
	@$(VENV) -m benchmarks.limits
	@$(VENV) -m benchmarks.key_list
	@$(VENV) -m benchmarks.verification_plans
	@$(VENV) -m benchmarks.verification_costs
	@$(VENV) -m benchmarks.pages
	@$(VENV) -m benchmarks.projections
	@$(VENV) -m benchmarks.backlog
	@$(VENV) -m benchmarks.chaos --rounds 40
	@$(VENV) -m benchmarks.worker_chaos
	@$(VENV) -m benchmarks.hostile --minutes 5

.PHONY: clean
clean: ## Remove tools, packages and caches; keep the data in .keyledger
	rm -rf .tools .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip installs uv inside the checkout and not in the system, so this works for root, for other users, and without venv.
$(UV):
	@echo "Fetching uv into .tools"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12")'
	@$(PYTHON) -m pip install --quiet --target .tools uv

$(SYNCED): uv.lock pyproject.toml | $(UV)
	@$(UV) sync --frozen --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')"
	@touch $@

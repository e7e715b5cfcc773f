# Needs git, make and Python >= 3.11. Everything else is installed into .venv, as uv.lock says.

PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
LINTERS := .venv/openapi
# Node comes from PyPI like everything else; what it runs tells nobody, and looks for no newer version of itself.
NODE := PATH="$(CURDIR)/$(BIN):$$PATH" REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
# The machine's own certificates, as pip uses them: behind a proxy that opens TLS, uv's would not do.
UV := UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv

.PHONY: help run test exhaustive benchmark lint openapi types format lock lock-check secrets clean
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/.run ## install what is locked, start everything and serve on 127.0.0.1:PORT (8000)
	@exec $(BIN)/python manage.py quickstart

test: .venv/.dev ## run the whole test suite, with coverage; ARGS="tasks -k toggle" for a part
	$(BIN)/python -m pytest $(if $(ARGS),,--cov --cov-report=term) $(ARGS)

exhaustive: .venv/.dev ## run the tests that take many minutes: thousands of random requests
	$(BIN)/python -m pytest config/tests/isolation --hypothesis-profile=slow
	$(BIN)/python -m pytest -m exhaustive

benchmark: .venv/.peers ## measure one claim: NAME=api, audit_cost, verification, seal_lag or retrieval
	$(BIN)/python -m benchmarks $(NAME)

lint: .venv/.dev ## check style, formatting and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python manage.py makemigrations --check --dry-run

openapi: .venv/.dev .venv/.linters ## describe the API, and check the description with spectral (OWASP's rules) and redocly
	@cp config/openapi/*.yaml $(LINTERS)
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --format openapi-json --file $(LINTERS)/openapi.json
	cd $(LINTERS) && $(NODE) node_modules/.bin/spectral lint --ruleset spectral.yaml --fail-severity hint openapi.json
	cd $(LINTERS) && $(NODE) node_modules/.bin/redocly lint --config redocly.yaml openapi.json

types: .venv/.peers ## check types
	$(BIN)/mypy .

format: .venv/.dev ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/bin/uv ## renew uv.lock and export requirements/ from it
	$(UV) lock
	$(call export,requirements/)

lock-check: .venv/.dev ## prove that pyproject.toml, uv.lock and requirements/ agree
	$(UV) lock --check
	@mkdir -p .venv/exported
	$(call export,.venv/exported/)
	diff -u requirements/base.txt .venv/exported/base.txt
	diff -u requirements/dev.txt .venv/exported/dev.txt

SCAN := xargs -0 $(BIN)/detect-secrets-hook --exclude-lines 'weights_sha256|<password>|correct horse battery|"position"|"content_hash"'

# Tests are full of made-up passwords, one is about them, and two hold the standards' vectors; elsewhere tokens and keys are looked for in tests, too.
# A vector in base64 looks like a key.
secrets: .venv/.dev ## look for secrets in what git tracks
	git ls-files -z ':!:uv.lock' ':!:requirements' ':!:config/openapi/package-lock.json' ':!:knowledge/embeddings/probe.py' ':!:*/tests/*' ':!:conftest.py' | $(SCAN)
	git ls-files -z '*/tests/*' ':!:config/tests/test_env_secrets.py' ':!:audit/tests/test_merkle.py' ':!:audit/tests/test_note.py' conftest.py | $(SCAN) --disable-plugin KeywordDetector --disable-plugin BasicAuthDetector

clean: ## remove what was installed; the data in .daybook/ stays
	rm -rf .venv

define export
	@$(UV) export --quiet --locked --no-dev --no-header -o $(1)base.txt
	@$(UV) export --quiet --locked --no-header -o $(1)dev.txt
endef

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Daybook needs Python 3.11 or newer; name one with make PYTHON=python3.12 …"; exit 1; }
	@echo "Making .venv …"
	@$(PYTHON) -m venv --clear .venv || \
		{ echo "$(PYTHON) can't make virtual environments; on Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# Two stamps, so that serving needs no test tools; --inexact, so that it doesn't remove them either.
.venv/.run: uv.lock pyproject.toml | .venv/bin/uv
	@echo "Installing what is locked …"
	@$(UV) sync --locked --no-dev --group embedded --inexact
	@touch $@

.venv/.dev: uv.lock pyproject.toml | .venv/bin/uv
	@echo "Installing what is locked, with the tools for tests …"
	@$(UV) sync --locked
	@touch $@ .venv/.run

.venv/.linters: config/openapi/package.json config/openapi/package-lock.json config/openapi/.npmrc | .venv/.dev
	@echo "Installing what checks the description …"
	@mkdir -p $(LINTERS)
	@cp config/openapi/package.json config/openapi/package-lock.json config/openapi/.npmrc $(LINTERS)
	@cd $(LINTERS) && $(NODE) npm ci --silent
	@touch $@

# What the benchmark of the API is measured against; renewed after each exact sync, which removes it.
.venv/.peers: .venv/.dev
	@$(UV) sync --locked --group peers
	@touch $@

# Needs Python 3.11 or newer and make; everything else is installed below .venv, pinned by hash.
#
#   make run      start the whole service on this machine: http://localhost:8000 (PORT=… for another port)
#   make dev      the same, and every process starts again when a source file changes
#   make test     everything that CI checks
#   make check    its checks without a database: style, types, imports, migrations
#   make fix      let ruff fix and format the code
#   make audit    check the locked requirements for known vulnerabilities (needs the network)
#   make browser  install Chromium for the browser tests (Debian, as root)
#   make node     install Node.js for the receiver test (Debian, as root)
#   make clients  test the TypeScript client against a running service (needs npm and the network)
#   make payloads install GitHub's example payloads for the tests of hooks (needs npm and the network)
#   make bench    measure the delivery engine, some twenty minutes (ARGS="latency --quick" for less)
#   make lock     resolve requirements/*.in (UPGRADE=--upgrade for the newest versions)
#   make clean    remove .venv and caches; the data below .data stays

.DEFAULT_GOAL := run
.DELETE_ON_ERROR:
.PHONY: run dev test check fix audit browser node clients payloads bench lock clean

CANDIDATES := python3.11 python3 python3.12 python3.13 python
is_new_enough = import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,$(CANDIDATES),$(shell $(name) -c '$(is_new_enough)' 2>/dev/null && echo $(name))))
VENV := .venv/bin
PIP := $(VENV)/python -m pip --disable-pip-version-check -qq --no-input
INSTALL := $(PIP) install --require-hashes --only-binary :all:
# Checks ignore the database and broker that the shell's environment may name.
MANAGE := env -u DATABASE_URL -u CELERY_BROKER_URL $(VENV)/python manage.py

run: .venv/base.installed
	@exec $(VENV)/python manage.py run

dev: .venv/dev.installed
	@exec $(VENV)/python manage.py run --reload

test: check
	$(VENV)/pytest -q -n 2 --dist worksteal
	TEST_DATABASE=sqlite $(VENV)/pytest -q -n 2 --dist worksteal tests/golden tests/invenicum tests/integrations tests/webhooks

check: .venv/dev.installed
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy .
	$(VENV)/lint-imports
	$(VENV)/deptry .
	$(MANAGE) makemigrations --check --dry-run
	$(MANAGE) check --fail-level WARNING

fix: .venv/dev.installed
	$(VENV)/ruff check --fix
	$(VENV)/ruff format

audit: .venv/dev.installed
	$(VENV)/pip-audit --require-hashes --disable-pip -r requirements/base.txt

browser:
	@command -v chromium >/dev/null || { \
		command -v apt-get >/dev/null || { echo "Install Chromium yourself: this machine has no apt-get." >&2; exit 1; }; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium; }

node:
	@{ command -v node && command -v npm; } >/dev/null || { \
		command -v apt-get >/dev/null || { echo "Install Node.js yourself: this machine has no apt-get." >&2; exit 1; }; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends nodejs npm; }

clients: .venv/dev.installed
	$(MANAGE) spectacular --format openapi-json --file clients/openapi.json
	cd clients/typescript && npm ci --no-audit --no-fund && SCHEMA=../openapi.json npm run generate && npm run build && npm test

payloads: | .venv/bin/python
	@npm install --prefix .venv/payloads --no-save --no-package-lock --ignore-scripts --silent @octokit/webhooks-examples@7.6.1

bench: .venv/bench.installed
	@exec $(VENV)/python -m bench $(ARGS)

LOCK := $(VENV)/uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" $(UPGRADE)

lock: .venv/dev.installed
	$(LOCK) requirements/base.in -o requirements/base.txt
	$(LOCK) requirements/dev.in -o requirements/dev.txt
	$(LOCK) requirements/bench.in -o requirements/bench.txt

clean:
	rm -rf clients/openapi.json clients/typescript/node_modules clients/typescript/build clients/typescript/dist
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis staticfiles
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, but not on the PATH. (make PYTHON=/path/to/python)" >&2; exit 1; }
	@$(PYTHON) -c '$(is_new_enough)' || { echo "$(PYTHON) is too old: Python 3.11 or newer is needed." >&2; exit 1; }
	@echo "Making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# Each stamp is for one lock file. Each lock file contains the one before (tests/test_requirements.py checks it), so a
# later installation adds packages and changes no version.
.venv/base.installed: requirements/base.txt | .venv/bin/python
	@echo "Installing requirements/base.txt (once, about a minute)"
	@$(INSTALL) -r requirements/base.txt
	@touch $@

.venv/dev.installed: requirements/dev.txt .venv/base.installed
	@echo "Installing requirements/dev.txt (once, a minute or two)"
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

.venv/bench.installed: requirements/bench.txt .venv/dev.installed
	@echo "Installing requirements/bench.txt (once, a few seconds)"
	@$(INSTALL) -r requirements/bench.txt
	@touch $@

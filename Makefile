# Needs Python 3.11 or newer and make; everything else is installed below .venv, pinned by hash.
#
#   make run      start the whole service on this machine: http://localhost:8000 (PORT=… for another port)
#   make dev      the same, and every process starts again when a source file changes
#   make test     lint, types, import rules and all tests
#   make check    its checks without a database: style, types, imports, migrations
#   make fix      let ruff fix and format the code
#   make audit    check the locked requirements for known vulnerabilities (needs the network); fails if it cannot
#   make sbom     write sbom.json (CycloneDX), a list of all packages, and check their licences
#   make tools    install everything below that tests need besides Python: browser to clients; without it they are skipped
#   make postgresql install PostgreSQL 15 for test-postgresql, which runs the tests of SQL with it (Debian, as root)
#   make test-python run the tests of protocols and servers with another Python: OTHER_PYTHON=/path/to/python3.13
#   make platforms check that there are wheels for each supported system and Python (needs the network)
#   make machines install what the tests of whole machines need (Debian, as root)
#   make compose  get Docker's Compose plugin if the machine has none (Debian)
#   make engine   install Docker's engine for the tests of docker-compose.yml (Debian, as root)
#   make test-machines follow docs/operations.md in a Debian 12 that is booted for it, and with a container engine, which is
#                 started if none runs (Debian, as root; it forwards packets of machine and containers; ports 80 and 443)
#   make browser  install Chromium for the browser tests (Debian, as root)
#   make node     install Node.js for the receiver test (Debian, as root)
#   make interpreters install PHP, Ruby, Go and Java for the tests of code that verifies webhooks (Debian, as root)
#   make proxies  install nginx and Caddy for the tests of deploy/ (Debian, as root)
#   make pgbouncer install PgBouncer for the test of a pooler (Debian, as root)
#   make monitoring install promtool for the tests of alerts (Debian, as root)
#   make systemd  install systemd-analyze for the tests of units (Debian, as root)
#   make kustomize install kustomize for the tests of manifests (needs Go and the network)
#   make payloads install GitHub's example payloads, GitHub's signer and Slack's verifier for the tests of hooks (needs npm
#                 and the network)
#   make s3rver   install s3rver, an S3 server for the tests of that connector (needs npm and the network)
#   make oidc-provider install oidc-provider, an authorization server for the tests of OAuth (needs npm and the network)
#   make clients  check the OpenAPI document and make the clients from it (needs npm and the network): openapi-lint,
#                 client-typescript (which also runs its tests), client-python, client-dart
#   make bench    measure the delivery engine, some twenty minutes (ARGS="latency --quick" for less)
#   make lock     resolve requirements/*.in (UPGRADE=--upgrade for the newest versions)
#   make translations  bring new texts of the portal into the catalogues (invenicum/portal/locale) and compile these
#   make screenshots   take the pictures of the portal in docs/images/portal again (needs Chromium)
#   make record-release  record the database of this release for the tests of upgrades (Debian, as root)
#   make clean    remove .venv and caches; the data below .data stays

.DEFAULT_GOAL := run
.DELETE_ON_ERROR:
.PHONY: run dev test check fix audit sbom postgresql test-postgresql test-python platforms machines compose engine test-machines browser node interpreters proxies pgbouncer monitoring systemd kustomize payloads s3rver oidc-provider tools clients openapi openapi-lint client-typescript client-python client-dart bench lock translations screenshots record-release clean

CANDIDATES := python3.11 python3 python3.12 python3.13 python3.14 python
is_new_enough = import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,$(CANDIDATES),$(shell $(name) -c '$(is_new_enough)' 2>/dev/null && echo $(name))))
VENV := .venv/bin
PIP := $(VENV)/python -m pip --disable-pip-version-check -qq --no-input
INSTALL := $(PIP) install --require-hashes --only-binary :all:
# What makes and checks clients: other packages than the service's, or other versions of them.
CLIENT_TOOLS := .venv/clients
CLIENT_PIP := $(CLIENT_TOOLS)/bin/python -m pip --disable-pip-version-check -qq --no-input
# Checks ignore the database and broker that the shell's environment may name.
MANAGE := env -u DATABASE_URL -u CELERY_BROKER_URL $(VENV)/python manage.py

run: .venv/base.installed
	@exec $(VENV)/python manage.py run

dev: .venv/dev.installed
	@exec $(VENV)/python manage.py run --reload

test: check
	$(VENV)/pytest -q -n 3 --dist worksteal
	TEST_DATABASE=sqlite $(VENV)/pytest -q -n 3 --dist worksteal tests/golden tests/invenicum tests/integrations tests/webhooks

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
	@$(VENV)/pip-audit --strict --require-hashes --disable-pip $(ARGS) -r requirements/base.txt -r requirements/telemetry.txt || { \
		echo "Findings, or packages that could not be audited: that needs PyPI's JSON API, which mirrors lack, or ARGS=\"-s osv\"." >&2; \
		exit 1; }

sbom: .venv/dev.installed
	@$(VENV)/python requirements/sbom.py sbom.json

# The oldest PostgreSQL that is supported; the wheel of the tests is the newest.
postgresql:
	@test -x /usr/lib/postgresql/15/bin/postgres || { \
		command -v apt-get >/dev/null || { echo "Install PostgreSQL 15 yourself: this machine has no apt-get." >&2; exit 1; }; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends postgresql-15; }

test-postgresql: .venv/dev.installed
	TEST_POSTGRES=/usr/lib/postgresql/15 $(VENV)/pytest -q -n 2 tests/webhooks tests/invenicum/events tests/invenicum/test_postgresql.py \
		tests/invenicum/test_transactions.py tests/invenicum/test_migration_locks.py tests/faults/test_restore.py tests/upgrades/test_recorded_releases.py

# Each package of base.txt has a wheel for each system and Python that docs/upgrading.md names. Nothing is installed.
PLATFORMS := x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu aarch64-apple-darwin
platforms: .venv/dev.installed
	@for platform in $(PLATFORMS); do for python in 3.11 3.12 3.13 3.14; do \
		echo "$$platform, Python $$python"; \
		$(VENV)/uv pip install --quiet --dry-run --python-platform $$platform --python-version $$python --only-binary :all: \
			--require-hashes --target .venv/platforms -r requirements/base.txt || exit 1; done; done

# With another Python: make test-python OTHER_PYTHON=/path/to/python3.13
test-python:
	$(OTHER_PYTHON) -m venv .venv/other
	.venv/other/bin/python -m pip --disable-pip-version-check -qq install --require-hashes --only-binary :all: -r requirements/dev.txt
	.venv/other/bin/python -m pytest -q -n 2 tests/integrations tests/invenicum/web tests/invenicum/events tests/invenicum/test_encrypted_fields.py

machines:
	@{ PATH="$$PATH:/usr/sbin"; command -v debootstrap && command -v systemd-nspawn && command -v iptables; } >/dev/null || { \
		command -v apt-get >/dev/null || { echo "This machine has no apt-get." >&2; exit 1; }; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends debootstrap systemd-container iptables iproute2; }

# Compose, as Debian 13 has it, for Docker clients without it.
COMPOSE := .venv/machines/docker/cli-plugins/docker-compose
compose: | .venv/bin/python
	@docker compose version >/dev/null 2>&1 || test -x $(COMPOSE) || { \
		command -v apt-get >/dev/null || { echo "Install Docker's Compose plugin yourself: this machine has no apt-get." >&2; exit 1; }; \
		tests/machines/images/compose_plugin.sh $(COMPOSE); }

engine: compose
	@{ PATH="$$PATH:/usr/sbin"; command -v docker && command -v dockerd && command -v iptables && command -v debootstrap; } >/dev/null || { \
		command -v apt-get >/dev/null || { echo "This machine has no apt-get." >&2; exit 1; }; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends docker.io iptables iproute2 debootstrap openssl; }

test-machines: .venv/dev.installed
	$(VENV)/pytest -q tests/machines

tools: browser node interpreters proxies pgbouncer monitoring systemd kustomize compose payloads s3rver oidc-provider clients

browser:
	@command -v chromium >/dev/null || { \
		command -v apt-get >/dev/null || { echo "Install Chromium yourself: this machine has no apt-get." >&2; exit 1; }; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium; }

node:
	@{ command -v node && command -v npm; } >/dev/null || { \
		command -v apt-get >/dev/null || { echo "Install Node.js yourself: this machine has no apt-get." >&2; exit 1; }; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends nodejs npm; }

proxies:
	@{ PATH="$$PATH:/usr/sbin"; command -v nginx && command -v caddy; } >/dev/null || { \
		command -v apt-get >/dev/null || { echo "Install nginx and Caddy yourself: this machine has no apt-get." >&2; exit 1; }; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends nginx-light caddy; }

interpreters:
	@{ command -v php && command -v ruby && command -v go && command -v java; } >/dev/null || { \
		command -v apt-get >/dev/null || { echo "Install them yourself: this machine has no apt-get." >&2; exit 1; }; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends php-cli ruby \
			$$(command -v go >/dev/null || echo golang-go) $$(command -v java >/dev/null || echo default-jdk-headless); }

pgbouncer:
	@{ PATH="$$PATH:/usr/sbin"; command -v pgbouncer; } >/dev/null || { \
		command -v apt-get >/dev/null || { echo "Install PgBouncer yourself: this machine has no apt-get." >&2; exit 1; }; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends pgbouncer; }

monitoring:
	@command -v promtool >/dev/null || { \
		command -v apt-get >/dev/null || { echo "Install promtool yourself: this machine has no apt-get." >&2; exit 1; }; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends prometheus; }

systemd:
	@command -v systemd-analyze >/dev/null || { \
		command -v apt-get >/dev/null || { echo "There is no systemd-analyze, and no apt-get to install it." >&2; exit 1; }; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends systemd; }

kustomize: | .venv/bin/python
	@test -x .venv/kustomize/bin/kustomize || \
		GOBIN=$(abspath .venv)/kustomize/bin go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1

payloads: | .venv/bin/python
	@npm install --prefix .venv/payloads --no-save --no-package-lock --ignore-scripts --silent @octokit/webhooks-examples@7.6.1 \
		@octokit/webhooks-methods@6.0.0 @slack/bolt@5.1.0

s3rver: | .venv/bin/python
	@npm install --prefix .venv/s3rver --no-save --no-package-lock --ignore-scripts --silent s3rver@3.7.1

oidc-provider: | .venv/bin/python
	@npm install --prefix .venv/oidc-provider --no-save --no-package-lock --ignore-scripts --silent oidc-provider@9.13.3

clients: openapi-lint client-typescript client-python client-dart

# The address is an example: an instance names its own. Redocly refuses localhost, which is no address for clients.
openapi: .venv/dev.installed
	PUBLIC_URL=https://api.invenicum.com $(MANAGE) spectacular --format openapi-json --fail-on-warn --validate --file clients/openapi.json

openapi-lint: openapi
	@npm ci --prefix clients/openapi --ignore-scripts --no-audit --no-fund --loglevel=error
	clients/openapi/node_modules/.bin/redocly lint --config clients/openapi/redocly.yaml clients/openapi.json

client-typescript: openapi
	cd clients/typescript && npm ci --no-audit --no-fund && SCHEMA=../openapi.json npm run generate && npm run build && npm test

client-python: openapi $(CLIENT_TOOLS).installed
	rm -rf clients/python/src clients/python/build clients/python/dist
	@mkdir -p clients/python/src
	PATH=$(abspath $(CLIENT_TOOLS))/bin:$$PATH openapi-python-client generate --path clients/openapi.json --fail-on-warning \
		--config clients/python/generator.yaml --meta none --output-path clients/python/src/invenicum_integrations
	$(CLIENT_TOOLS)/bin/python -m compileall -q clients/python/src
	$(CLIENT_TOOLS)/bin/mypy --config-file= clients/python/src
	$(CLIENT_PIP) wheel --no-deps --no-index --no-build-isolation --wheel-dir clients/python/dist clients/python
	$(CLIENT_PIP) install --no-deps --no-index --force-reinstall clients/python/dist/*.whl

client-dart: openapi $(CLIENT_TOOLS).installed
	@rm -rf clients/dart/build && mkdir clients/dart/build
	$(CLIENT_TOOLS)/bin/openapi-generator-cli generate --generator-name dart-dio --input-spec clients/openapi.json \
		--output clients/dart/build/generated > clients/dart/build/log || { cat clients/dart/build/log >&2; exit 1; }
	! grep ERROR clients/dart/build/log
	$(CLIENT_TOOLS)/bin/python -m tests.clients.dart_syntax clients/dart

bench: .venv/bench.installed
	@exec $(VENV)/python -m bench $(ARGS)

LOCK := $(VENV)/uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" $(UPGRADE)

lock: .venv/dev.installed
	$(LOCK) requirements/base.in -o requirements/base.txt
	$(LOCK) -c requirements/base.txt requirements/telemetry.in -o requirements/telemetry.txt
	$(LOCK) requirements/dev.in -o requirements/dev.txt
	$(LOCK) requirements/bench.in -o requirements/bench.txt
	$(LOCK) requirements/clients.in -o requirements/clients.txt

translations: .venv/dev.installed
	DJANGO_SETTINGS_MODULE=invenicum.settings env -u DATABASE_URL $(VENV)/python -m tests.catalogues

screenshots: .venv/dev.installed
	SCREENSHOTS=docs/images/portal $(VENV)/pytest -q tests/e2e/test_portal_pages.py -k every_page

# With the oldest PostgreSQL that is supported, whose dumps all newer ones read.
record-release: .venv/dev.installed postgresql
	@TEST_POSTGRES=/usr/lib/postgresql/15 env -u DATABASE_URL $(VENV)/python -m tests.upgrades.record

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis staticfiles
	rm -rf clients/openapi.json clients/*/node_modules clients/*/build clients/*/dist clients/python/src
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

$(CLIENT_TOOLS).installed: requirements/clients.txt | .venv/bin/python
	@echo "Installing requirements/clients.txt (once, about a minute)"
	@test -x $(CLIENT_TOOLS)/bin/python || $(VENV)/python -m venv $(CLIENT_TOOLS)
	@$(CLIENT_PIP) install --require-hashes --only-binary :all: -r requirements/clients.txt
	@touch $@

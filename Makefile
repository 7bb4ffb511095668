# `make run` and `make test` need Python 3.11+ with venv, make and git; no more.
PORT ?= 8000
SANDBOX ?=
VENV ?= .venv
PY := $(VENV)/bin/python
PYTEST := $(PY) -m pytest
# Most tests with the real client wait for something. In small chunks each worker keeps
# to the order in which tests that empty the database come last.
WORKERS ?= 2
SPREAD := -n $(WORKERS) --dist load --maxschedchunk 1
UV_COMPILE := $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes \
	--python-version 3.11 --no-emit-index-url

.PHONY: run test test-fast lint fix types migrations-check lock lock-check messages \
	baileys bench soak chaos causes auth-checks screenshots ci clean runtime development

run: runtime
ifneq ($(filter-out 0 no false,$(SANDBOX)),)
	@WHATSAPP_REALM=sandbox exec $(PY) manage.py portal --sandbox --port $(PORT)
else
	@exec $(PY) manage.py portal --port $(PORT)
endif

# The tests that touch the database run on PostgreSQL, then the whole suite on SQLite.
test: development
	@.ci/chromium
	@.ci/node
	@TEST_DATABASE=postgresql $(PYTEST) $(SPREAD) $(TESTS)
	@$(PYTEST) $(SPREAD) $(TESTS)

# One database, no browser, no real client, no Node: seconds.
test-fast: development
	@$(PYTEST) -m "not browser and not client and not baileys" -x $(TESTS)

lint: development
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

fix: development
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

types: development
	$(VENV)/bin/mypy

migrations-check: development
	DATA_DIR=$$(mktemp -d) $(PY) manage.py makemigrations --check --dry-run

# Newest versions that requirements*.in allow: `make lock UPGRADE=--upgrade`.
lock: development
	$(UV_COMPILE) $(UPGRADE) requirements.in -o requirements.txt
	$(UV_COMPILE) $(UPGRADE) requirements-dev.in -c requirements.txt \
		-o requirements-dev.txt

lock-check: development
	@VENV=$(VENV) .ci/lock-check

# Needs gettext (apt install gettext).
messages: development
	$(PY) manage.py makemessages --locale ru --no-wrap --no-location \
		--ignore "$(VENV)/*" --ignore "tests/*" --ignore "data*/*"
	sed -i '/^"POT-Creation-Date/d; /^"Report-Msgid-Bugs-To/d' locale/ru/LC_MESSAGES/django.po
	$(PY) manage.py compilemessages --locale ru --ignore "$(VENV)"

# Node's packages for the tests with Baileys; `make test` does it too.
baileys:
	@.ci/node

bench: development
	$(PY) -m tests.bench.run

soak: development
	$(PY) -m tests.bench.soak

# A seed that failed: make chaos CHAOS="--seed N --minutes M"
chaos: development
	@$(PY) -m tests.chaos.run $(CHAOS)

# Writes docs/causes.md.
causes: development
	$(PY) -m tests.causes.page

# Writes docs/auth-checks.md.
auth-checks: development
	$(PY) -m tests.auth.check_page

screenshots: development
	@.ci/chromium
	$(PY) -m tests.screenshots

ci:
	bash .ci/run

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov \
		staticfiles tests/baileys/node_modules
	find . -name __pycache__ -not -path "./.git/*" -prune -exec rm -rf {} +

runtime:
	@.ci/environment $(VENV) requirements.txt

development: runtime
	@.ci/environment $(VENV) requirements-dev.txt

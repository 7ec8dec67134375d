# Everything that a person or a pipeline does with this tree. `make demo` and `make test` need Python 3.11+ and a package registry.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# More than the cores that are there: half of the time tests wait for probes, processes and watches.
WORKERS ?= 4

.PHONY: install install-dev demo test soak test-real conformance lint bench lock schema clean

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

# By path, and compiled: a finder of setuptools' own, and compiling at each start, would slow every command.
EDITABLE = $(BIN)/pip install --quiet --no-deps --config-settings editable_mode=compat --editable . && $(BIN)/python -m compileall -q console

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(EDITABLE)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	$(EDITABLE)
	@touch $@ $(VENV)/.installed

# The reference stack, from nothing to running: starts the embedded cluster, deploys, opens the console (or reports without a terminal).
demo: install
	@$(BIN)/stack-console demo

test: install-dev lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

soak: install-dev
	$(BIN)/python -m pytest -m soak --timeout=3600

# Against the registry and Kubernetes that TEST_REGISTRY and TEST_KUBECONFIG name. The suite of conformance runs in TEST_IMAGE,
# by default the Python that the tests have pushed.
test-real: install-dev
	@for name in TEST_REGISTRY TEST_KUBECONFIG; do \
		[ -n "$$(printenv $$name)" ] || { echo "make test-real needs $$name: see CONTRIBUTING.md" >&2; exit 2; }; \
	done
	$(BIN)/python -m pytest -m real --timeout=1800
	$(MAKE) conformance KUBECONFIG="$$TEST_KUBECONFIG" IMAGE="$${TEST_IMAGE:-$$TEST_REGISTRY/console-test/python}"

# The conformance suite against any cluster: make conformance KUBECONFIG=... [IMAGE=busybox]; the image has a shell, and
# Python or BusyBox's httpd.
conformance: install-dev
	CONFORMANCE_KUBECONFIG="$(KUBECONFIG)" CONFORMANCE_IMAGE="$(IMAGE)" $(BIN)/python -m pytest tests/conformance --timeout=600

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: install-dev
	$(BIN)/python -m benchmarks

# Pins every dependency with its hashes. No host name gets into the files.
UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
lock: install-dev
	$(UV_COMPILE) pyproject.toml --extra sandbox -o requirements.lock
	$(UV_COMPILE) pyproject.toml --extra sandbox --group dev --group services -c requirements.lock -o requirements-dev.lock

# The JSON schema of stack.yaml, and Kubernetes' definitions as manifests are checked against them.
schema: install-dev
	$(BIN)/python -m console.adapters.stackfiles.extract
	$(BIN)/python -m console.sandbox.api.extract

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache

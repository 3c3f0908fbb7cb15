# Everything below works on this checkout only: tools live in .dev/, nothing is installed elsewhere
# (but for `make install`, which installs Pyve for the current user).

SHELL = /bin/sh
unexport PYTHONPATH
unexport PYTHONHOME
unexport VIRTUAL_ENV

PYTHON = .dev/bin/python

.PHONY: help demo check test test-unit test-portable test-integration test-faults bench coverage docs picture pins release install clean dev

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

demo: ## Take an example from nothing to its tests passing, and lock another
	@scripts/demo.sh

check: dev ## Lint and type-check everything, and see that generated documents are current
	@scripts/check.sh

test: ## Run the unit tests, then the integration tests
	@status=0; \
	$(MAKE) --no-print-directory test-unit || status=1; \
	$(MAKE) --no-print-directory test-integration || status=1; \
	exit $$status

test-unit: dev ## Run the bats tests and the helpers' own tests
	@scripts/test-unit.sh

test-portable: dev ## Run the bats tests with busybox and the original awk instead of GNU tools
	@scripts/test-portable.sh

test-integration: dev ## Run the black-box tests
	@set -- tests/integration/test_*.py; \
	if [ -e "$$1" ]; then $(PYTHON) -m pytest -q -rs -n auto $${CI:+--reruns 2} tests/integration; fi

test-faults: dev ## Let each system call of each command fail in each way (hours; it goes on where it was broken off)
	@$(PYTHON) tests/faults/run.py --write

bench: dev ## Measure Pyve against its peers, as ratios in one run
	@$(PYTHON) tests/perf/bench.py

coverage: dev ## Measure line coverage of lib/ with kcov
	@scripts/coverage.sh

docs: ## Write the generated documents anew
	@scripts/gen-docs.sh

picture: dev ## Draw the terminal session in README anew, from a real one
	@$(PYTHON) scripts/picture.py

pins: dev ## Renew the pins of the toolchain and of development, and see that all machines can install them
	@scripts/renew-pins.sh

release: ## Make and sign a release of this commit (PYVE_RELEASE_KEY names the key)
	@scripts/make-release.sh

install: ## Install Pyve for the current user
	@./pyve.sh self install

clean: ## Remove .dev/ and what the tools left behind
	rm -rf .dev .dev.lock .pytest_cache .mypy_cache .ruff_cache .coverage coverage.xml htmlcov
	find . -name .git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

dev:
	@scripts/bootstrap-dev.sh

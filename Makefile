# The commands of this repository. Each sets up what it needs the first time, and says so.

STACK ?= staging
VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help up preview policies bench down shell clean test mutate lint format

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo '  STACK=production with up, preview, policies, bench, down and shell; staging otherwise'

up: $(INSTALLED) ## Bring a stack up on the local cloud, with the policy packs
	@$(PYTHON) -m local up --stack $(STACK)

preview: $(INSTALLED) ## Show what up would do, with the policy packs
	@$(PYTHON) -m local preview --stack $(STACK)

policies: $(INSTALLED) ## Write the policy packs' evidence, for an auditor and for CI to keep
	@$(PYTHON) -m local policies --stack $(STACK)

bench: $(INSTALLED) ## Measure what the policy packs add to a preview
	@$(PYTHON) -m local bench --stack $(STACK)

down: $(INSTALLED) ## Destroy a stack of the local cloud
	@$(PYTHON) -m local down --stack $(STACK)

shell: $(INSTALLED) ## A shell in which plain pulumi commands work on the local cloud
	@$(PYTHON) -m local shell --stack $(STACK)

clean: $(INSTALLED) ## End the emulator and forget all local stacks; the engine stays
	@$(PYTHON) -m local clean

# worksteal keeps neighbours in one process, which runs once what they share.
test: $(INSTALLED) ## Run every test: fast ones in parallel, then those on the real engine
	@$(PYTHON) -m pytest -q -n 2 --dist worksteal -m "not engine"
	@$(PYTHON) -m pytest -q -n 2 --dist loadfile -m engine --durations=10

mutate: $(INSTALLED) ## Change every policy rule a little, and say which change no test notices
	@$(PYTHON) -m tests.policies.mutate

lint: $(INSTALLED) ## Check style, format and types
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy .

format: $(INSTALLED) ## Put style and format right where a tool can
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

$(INSTALLED): requirements.txt requirements-dev.txt local/ministack-requirements.txt
	@python=; for candidate in python3 python3.13 python3.12 python3.11; do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
	  echo 'local cloud: error: no Python 3.11 or newer on PATH; install one' \
	    '(https://www.python.org/downloads/) and run make again' >&2; exit 1; fi; \
	$$python -m local.install

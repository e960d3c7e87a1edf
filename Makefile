# Recipes only call small scripts; what each one does is explained there.
.DEFAULT_GOAL := help
SCENARIOS := $(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml))
SIZE ?=
FORMAT ?= text

##@ See it run

.PHONY: demo
demo: venv ## The product on a simulated 1 GB Droplet, made by the real playbook over SSH
	@scripts/demo.sh

.PHONY: demo-status
demo-status: venv ## What runs on the demo Droplet, and how much memory it takes
	@.venv/bin/python scripts/demo-status.py

.PHONY: demo-release
demo-release: venv ## Release the next version of the app to the running demo, counting failed requests
	@scripts/demo-release.sh

.PHONY: demo-release-broken
demo-release-broken: venv ## Release a version that never becomes ready: the run fails, the old one serves on
	@scripts/demo-release.sh broken

.PHONY: demo-down
demo-down: venv ## Remove everything `make demo` made, and nothing else
	@scripts/demo-down.sh

.PHONY: plan
plan: venv ## Print the memory plan: SIZE=s-1vcpu-1gb (or all; default: the inventory's) FORMAT=text|json|svg
	@SIZE='$(SIZE)' FORMAT='$(FORMAT)' scripts/plan.sh

.PHONY: measure
measure: venv ## Measure the running demo against the plan: EVENT="load pull" for some, WRITE=1 for docs/measurements.md
	@.venv/bin/python scripts/measure.py $(if $(WRITE),--write) $(EVENT)

.PHONY: bench
bench: venv ## Time site.yml on a fresh demo Droplet; release under load; back up, restore, recover
	@.venv/bin/python scripts/bench.py

##@ Prove it

.PHONY: test
test: venv ## Lint, unit and app tests, tarball, every claim of the scenarios (KEEP_GOING=1: past failures)
	@TESTS=fast scripts/test.sh $(SCENARIOS)

.PHONY: test-all
test-all: venv ## The same with all tests of the scenarios: every variation, every real clock
	@scripts/test.sh $(SCENARIOS)

.PHONY: lint
lint: venv ## ansible-lint, ruff, mypy, shellcheck, changelog, secrets, generated files
	@scripts/lint.sh

.PHONY: unit
unit: venv ## Unit tests: plan, filters, modules, templates, spec == defaults
	@scripts/unit.sh

.PHONY: app-test
app-test: venv ## Tests of the reference backend in app/
	@scripts/app-test.sh

.PHONY: build-test
build-test: venv ## Build the collection, install the tarball elsewhere, use it there
	@scripts/build-test.sh

.PHONY: images
images: venv ## Build (or reuse) the images of the test bench
	@scripts/images.sh

.PHONY: scenario
scenario: ## One Molecule scenario with all its tests: make scenario NAME=default
	@$(MAKE) --no-print-directory molecule-$(or $(NAME),default)

# One target per folder with a molecule.yml: molecule-default, ...
.PHONY: $(SCENARIOS:%=molecule-%)
$(SCENARIOS:%=molecule-%): molecule-%: venv
	@scripts/scenario.sh $*

##@ Work on it

.PHONY: venv
venv: ## Python environment in .venv, exactly as requirements.lock says
	@scripts/venv.sh

.PHONY: lock
lock: venv ## Rewrite requirements.lock: newest versions within pyproject.toml's ranges
	@scripts/lock.sh

.PHONY: fix
fix: venv ## Format Python and fix what ruff can, regenerate the role READMEs
	@.venv/bin/ruff check --quiet --fix . ; .venv/bin/ruff format --quiet . && .venv/bin/python scripts/role_readmes.py

.PHONY: clean
clean: ## Remove environments, caches and logs (not the demo: make demo-down)
	@rm -rf .venv .cache .ansible .hypothesis

.PHONY: help
help: ## This list
	@awk -f scripts/help.awk $(MAKEFILE_LIST)
	@printf '\nScenarios: %s\n' '$(or $(SCENARIOS:%=molecule-%),none yet)'

#!/usr/bin/env bash
# Every linter, each as one step. Stops at the first that complains.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

type_check() {
  mypy --package ansible_collections.planner.droplet.plugins
  mypy scripts tests/unit
}

check_shell() {
  local files
  mapfile -t files < <(shell_files)
  shellcheck --external-sources "${files[@]}"
}

step "ruff check" ruff check .
step "ruff format" ruff format --check .
step "mypy --strict" type_check
step "shellcheck" check_shell
step "no secrets in the clear" scripts/check-secrets.sh
step "changelog fragments" antsibull-changelog lint
step "role READMEs are current" python scripts/role_readmes.py --check
step "ansible-lint, production profile" ansible-lint --offline --strict

#!/usr/bin/env bash
# Removes what the demo made. Images stay: they are the slow part and `make demo` uses them again.
set -euo pipefail
# shellcheck source=scripts/demo-common.sh
. "$(dirname "$0")/demo-common.sh"
if ! docker info >/dev/null 2>&1; then
  echo "No Docker engine answers, so no demo is running."
  exit 0
fi
step "Remove the demo" ansible-playbook molecule/bench/demo-down.yml

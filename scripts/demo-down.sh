#!/usr/bin/env bash
# Removes what the demo made. The bench's images stay: they are the slow part and others use them, too.
set -euo pipefail
# shellcheck source=scripts/demo-common.sh
. "$(dirname "$0")/demo-common.sh"
if ! docker info >/dev/null 2>&1; then
  echo "No Docker engine answers, so no demo is running."
  exit 0
fi
# By name, not by id: the same image may carry somebody else's name, too.
remove_app_images() {
  docker images --format '{{.Repository}}:{{.Tag}}' --filter reference=planner-demo/backend |
    xargs --no-run-if-empty docker rmi
}

step "Remove the demo" ansible-playbook molecule/bench/demo-down.yml
step "Remove the app's images" remove_app_images

#!/usr/bin/env bash
# Releases the next version of the app to the running demo and counts failed requests meanwhile.
set -euo pipefail
# shellcheck source=scripts/demo-common.sh
. "$(dirname "$0")/demo-common.sh"

before="$(running_version)" || {
  echo "The demo does not answer at $DEMO_URL. Start it first: make demo" >&2
  exit 1
}
next="${before%.*}.$((${before##*.} + 1))"
step "Build the app, version $next" build_app "$next"
reference="$(push_app "$next")"

code=0
python scripts/during.py --strict "$DEMO_URL/health/live" \
  ansible-playbook -i inventory/demo playbooks/site.yml -e "droplet_image=$reference" || code=$?
printf 'Version before: %s, now: %s\n' "$before" "$(running_version || echo 'no answer')"
exit "$code"

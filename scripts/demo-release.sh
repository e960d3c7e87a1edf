#!/usr/bin/env bash
# Releases the next version of the app to the running demo and counts failed requests meanwhile.
# demo-release.sh broken: a version that starts and never becomes ready. Passes when it is refused and nobody notices.
set -euo pipefail
# shellcheck source=scripts/demo-common.sh
. "$(dirname "$0")/demo-common.sh"

before="$(running_version)" || {
  echo "The demo does not answer at $DEMO_URL. Start it first: make demo" >&2
  exit 1
}
next="${before%.*}.$((${before##*.} + 1))"
options=()

# shellcheck disable=SC2329 # called by step
build_broken() {
  printf 'FROM planner-demo/backend:%s\nCMD ["python", "-c", "import time; print(\x27started, never ready\x27, flush=True); time.sleep(3600)"]\n' "$next" |
    DOCKER_BUILDKIT=0 docker build --tag "planner-demo/backend:$next-broken" -
}

step "Build the app, version $next" build_app "$next"
if [[ ${1:-} == broken ]]; then
  step "Break it: it starts and never becomes ready" build_broken
  reference="$(push_app "$next-broken")"
  options=(-e stack_start_timeout_s=20)
else
  reference="$(push_app "$next")"
fi

code=0
python scripts/during.py --strict /health/live \
  ansible-playbook -i inventory/demo playbooks/deploy.yml -e "droplet_image=$reference" "${options[@]}" || code=$?
printf 'Version before: %s, now: %s\n' "$before" "$(running_version || echo 'no answer')"
if [[ ${1:-} == broken ]]; then
  if ((code == 0)) || [[ $(running_version) != "$before" ]]; then
    echo "The broken version was not refused." >&2
    exit 1
  fi
  echo "As it should be: the run failed, and $before serves on."
  exit 0
fi
exit "$code"

#!/usr/bin/env bash
# Sourced by the demo scripts: where the demo answers, how its images are made and released.
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

export DEMO_HTTP_PORT="${DEMO_HTTP_PORT:-8080}" DEMO_HTTPS_PORT="${DEMO_HTTPS_PORT:-8443}" DEMO_SSH_PORT="${DEMO_SSH_PORT:-2222}"
# shellcheck disable=SC2034 # read by the scripts that source this
DEMO_URL="https://planner.localhost:$DEMO_HTTPS_PORT"

# The legacy builder: it needs no plugin and sees the images that are already here. The host's network and proxy
# variables, because a company's proxy or mirror may sit on loopback.
build_app() {
  local proxy args=()
  for proxy in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [[ -z ${!proxy:-} ]] || args+=(--build-arg "$proxy")
  done
  DOCKER_BUILDKIT=0 docker build --network host "${args[@]}" --build-arg VERSION="$1" --tag "planner-demo/backend:$1" app
}

# Prints the digest reference under which the demo Droplet pulls the image.
push_app() {
  molecule/bench/push-image.sh "planner-demo/backend:$1" planner/backend
}

# The unmodified playbook over SSH. On a terminal and off it: what Ansible shows, skipped tasks aside.
site() {
  export ANSIBLE_DISPLAY_SKIPPED_HOSTS=false
  ansible-playbook -i inventory/demo playbooks/site.yml -e "droplet_image=$1"
}

# The version that answers on loopback, with a verified certificate; fails when none does.
running_version() {
  python -c 'import json; from scripts.https_place import demo; print(json.loads(demo().get("/", 5))["version"])' 2>/dev/null
}

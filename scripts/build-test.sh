#!/usr/bin/env bash
# The tarball a user would install: builds it, looks inside, installs it elsewhere and runs it from there.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

# Everything a user needs and nothing else, by top-level name.
allowed='FILES\.json|MANIFEST\.json|CHANGELOG\.md|LICENSE|README\.md|changelogs|docs|inventory|meta|playbooks|plugins|requirements\.yml|roles'
elsewhere="$(mktemp -d)"
trap 'rm -rf "$elsewhere"' EXIT

build() {
  rm -rf .cache/dist
  ansible-galaxy collection build --output-path .cache/dist
}

look_inside() {
  local strangers
  tar -tzf .cache/dist/planner-droplet-*.tar.gz >"$elsewhere/files"
  strangers="$(grep -vE "^($allowed)(/|$)" "$elsewhere/files" || true)"
  strangers+="$(grep -E '(^|/)(\.[^/]+|__pycache__|vault\.yml|demo)(/|$)' "$elsewhere/files" || true)"
  if [[ -n $strangers ]]; then
    printf 'Not for users, add it to build_ignore in galaxy.yml:\n%s\n' "$strangers" >&2
    return 1
  fi
  for needed in README.md LICENSE meta/runtime.yml requirements.yml playbooks/site.yml playbooks/plan.yml roles/droplet/tasks/main.yml; do
    grep -qx "$needed" "$elsewhere/files" || { echo "missing in the tarball: $needed" >&2; return 1; }
  done
}

# From another directory and with an own configuration, so that nothing of this working tree is found.
use_it() {
  local tarball
  tarball="$(echo "$PWD"/.cache/dist/planner-droplet-*.tar.gz)"
  printf '[defaults]\ncollections_path = %s/collections\n' "$elsewhere" >"$elsewhere/ansible.cfg"
  printf 'droplets:\n  hosts:\n    shop:\n      ansible_host: 192.0.2.1\n' >"$elsewhere/hosts.yml"
  cd "$elsewhere"
  export ANSIBLE_CONFIG="$elsewhere/ansible.cfg" ANSIBLE_HOME="$elsewhere/home"
  # Inside the working tree galaxy would find the symlink and say there is nothing to do.
  ansible-galaxy collection install --offline --no-deps -p "$elsewhere/collections" "$tarball"
  ansible-playbook -i hosts.yml --syntax-check planner.droplet.site
  ansible-playbook -i hosts.yml planner.droplet.plan -e droplet_size=s-1vcpu-1gb
}

step "Build the collection" build
step "Look into the tarball" look_inside
step "Install it elsewhere and use it" use_it

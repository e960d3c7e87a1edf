#!/usr/bin/env bash
# The product on a simulated Droplet. Again and again: what is there already is kept.
# demo.sh --bare FILE stops before site.yml and writes the image reference to FILE (make bench).
set -euo pipefail
# shellcheck source=scripts/demo-common.sh
. "$(dirname "$0")/demo-common.sh"

scripts/images.sh
# A demo that was released further keeps its version.
version="$(running_version || echo 1.0.0)"
step "Build the app, version $version" build_app "$version"
step "A simulated Droplet: Debian 13, 1 GiB, 1 CPU" ansible-playbook molecule/bench/demo-up.yml
reference="$(push_app "$version")"

if [[ ${1:-} == --bare ]]; then
  printf '%s\n' "$reference" >"$2"
  exit
fi

printf '==> ansible-playbook -i inventory/demo playbooks/site.yml -e droplet_image=%s\n' "$reference"
site "$reference"
python scripts/demo-status.py
printf 'Done in %d s.\n' "$SECONDS"

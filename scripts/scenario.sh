#!/usr/bin/env bash
# One Molecule scenario from create to destroy: scenario.sh NAME [molecule command, default: test]
set -euo pipefail
# shellcheck source=scripts/demo-common.sh
. "$(dirname "$0")/demo-common.sh"
name="$1"
if [[ ! -r molecule/$name/molecule.yml ]]; then
  echo "No scenario '$name'. There are: $(find molecule -mindepth 2 -maxdepth 2 -name molecule.yml -printf '%P ' | sed 's#/molecule.yml##g')" >&2
  exit 2
fi
scripts/images.sh
step "Build the app" build_app 1.0.0
step "Build its next version" build_app 1.0.1
BENCH_BACKEND_IMAGE="$(push_app 1.0.0)"
export BENCH_BACKEND_IMAGE
# What a scenario measured, for whoever looks on.
numbers=".cache/log/numbers-$name.txt"
rm -f "$numbers"
step "Scenario $name" molecule "${2:-test}" --scenario-name "$name"
if [[ -r $numbers ]]; then cat "$numbers"; fi

#!/usr/bin/env bash
# One Molecule scenario from create to destroy: scenario.sh NAME [molecule command, default: test]
# All of its tests; TESTS=fast leaves out those that are marked thorough.
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
# What heals and cleans by itself would take part in the others' experiments.
[[ $name == default || $name == watch ]] || export ANSIBLE_SKIP_TAGS=watch
# What a scenario measured, and how many of its tests were run, for whoever looks on.
numbers=".cache/log/numbers-$name.txt" tests=".cache/log/tests-$name.txt"
rm -f "$numbers" "$tests"
step "Scenario $name" molecule "${2:-test}" --scenario-name "$name"
if [[ -r $numbers ]]; then cat "$numbers"; fi
if [[ -r $tests ]]; then
  awk '{ run += $1; left += $2 } END { printf "    %d tests run, %d left to make test-all\n", run, left }' "$tests"
fi

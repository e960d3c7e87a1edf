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
# What a scenario measured, how many of its tests were run and which failed, for whoever looks on.
numbers=".cache/log/numbers-$name.txt" tests=".cache/log/tests-$name.txt" failed=".cache/log/failed-$name.txt"
rm -f "$numbers" "$tests" "$failed"
step "Scenario $name" molecule "${2:-test}" --scenario-name "$name" || {
  code=$?
  # Far above the log's end, in colours, and between Molecule's borders.
  sed 's/\x1b\[[0-9;]*m//g' ".cache/log/Scenario-$name.log" | grep -aoE '(FAILED|ERROR) [^ ]*tests/test_[^ ]+::.*' |
    sed 's/^\([A-Z]* \)[^ ]*molecule/\1molecule/' | tee "$failed" || true
  exit "$code"
}
if [[ -r $numbers ]]; then cat "$numbers"; fi
if [[ -r $tests ]]; then
  awk '{ run += $1; left += $2 } END { printf "    %d tests run, %d left to make test-all\n", run, left }' "$tests"
fi

#!/usr/bin/env bash
# Everything that proves this collection, one part after the other: test.sh SCENARIO...
# Stops at the first failure; KEEP_GOING=1 runs the rest as well.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

parts=(lint unit build-test images app-test)
for scenario in "$@"; do parts+=("molecule-$scenario"); done

declare -A result seconds
passed=0 failed=0 skipped=0

summary() {
  local part
  printf '\n%-32s %-8s %8s\n' part result seconds
  for part in "${parts[@]}"; do
    printf '%-32s %-8s %8s\n' "$part" "${result[$part]:-not run}" "${seconds[$part]:--}"
    [[ -n ${result[$part]:-} ]] || skipped=$((skipped + 1))
  done
  printf '%-32s %-8s %8s\n\n' total '' "$SECONDS"
  if ((skipped)); then
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  else
    printf '%d passed, %d failed\n' "$passed" "$failed"
  fi
}

number=0
for part in "${parts[@]}"; do
  number=$((number + 1))
  printf '\n[%d/%d] %s (%d s so far)\n' "$number" "${#parts[@]}" "$part" "$SECONDS"
  started=$SECONDS
  case $part in
    molecule-*) command=(scripts/scenario.sh "${part#molecule-}") ;;
    *) command=("scripts/$part.sh") ;;
  esac
  if "${command[@]}"; then
    result[$part]=passed
    passed=$((passed + 1))
  else
    result[$part]=FAILED
    failed=$((failed + 1))
  fi
  seconds[$part]=$((SECONDS - started))
  if ((failed)) && [[ ${KEEP_GOING:-} != 1 ]]; then break; fi
done

summary
((failed == 0))

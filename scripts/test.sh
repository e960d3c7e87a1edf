#!/usr/bin/env bash
# Everything that proves this collection: test.sh SCENARIO... TESTS=fast leaves what is marked thorough to `make test-all`.
# Stops after the first failure, KEEP_GOING=1 runs the rest as well; LANES=1 makes the scenarios one after the other.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

# What needs none of the others; a scenario waits a lot, so that two of them share two cores well.
first=(lint unit build-test images)
after=(app-test)
for scenario in "$@"; do after+=("molecule-$scenario"); done
parts=("${first[@]}" "${after[@]}")
logs=.cache/log
rm -f "$logs"/{tests,failed}-*.txt

declare -A result=() seconds=() started=() # by part
declare -A running=() # part by process
passed=0 failed=0 skipped=0

summary() {
  local part
  printf '\n%-32s %-8s %8s\n' part result seconds
  for part in "${parts[@]}"; do
    printf '%-32s %-8s %8s\n' "$part" "${result[$part]:-not run}" "${seconds[$part]:--}"
    [[ -n ${result[$part]:-} ]] || skipped=$((skipped + 1))
  done
  printf '%-32s %-8s %8s\n\n' total '' "$SECONDS"
  cat "$logs"/tests-*.txt 2>/dev/null | awk '{ run += $1; left += $2 }
    END { if (left) printf "Tests of the scenarios: %d run, %d left to make test-all\n", run, left }' || true
  cat "$logs"/failed-*.txt 2>/dev/null || true
  if ((skipped)); then
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  else
    printf '%d passed, %d failed\n' "$passed" "$failed"
  fi
}

# begin PART: in a process group of its own, so that it can be ended whole.
begin() {
  local command=("scripts/$1.sh")
  case $1 in molecule-*) command=(scripts/scenario.sh "${1#molecule-}") ;; esac
  printf '%4d s  %s begins\n' "$SECONDS" "$1"
  started[$1]=$SECONDS
  set -m
  "${command[@]}" </dev/null >"$logs/part-$1.log" 2>&1 &
  set +m
  running[$!]=$1
}

# ended PROCESS EXIT_CODE: tells how it went; fails where nothing more is to begin.
ended() {
  local part=${running[$1]}
  unset "running[$1]"
  seconds[$part]=$((SECONDS - started[$part]))
  if (($2 == 0)); then
    result[$part]=passed passed=$((passed + 1))
  else
    result[$part]=FAILED failed=$((failed + 1))
  fi
  printf '\n[%d/%d] %s: %s after %d s\n' $((passed + failed)) "${#parts[@]}" "$part" "${result[$part]}" "${seconds[$part]}"
  cat "$logs/part-$part.log"
  ((failed == 0)) || [[ ${KEEP_GOING:-} == 1 ]]
}

# together MOST PART...: so many at once. What has begun when one fails comes to its end.
together() {
  local most=$1 waiting=("${@:2}") process code
  while ((${#waiting[@]} || ${#running[@]})); do
    while ((${#waiting[@]} && ${#running[@]} < most)); do
      begin "${waiting[0]}"
      waiting=("${waiting[@]:1}")
    done
    code=0
    wait -n -p process "${!running[@]}" || code=$?
    ended "$process" "$code" || waiting=()
  done
  ((failed == 0)) || [[ ${KEEP_GOING:-} == 1 ]]
}

# Ctrl-C ends what has begun.
end() {
  local process
  kill "$ticker" 2>/dev/null || true
  for process in "${!running[@]}"; do kill -- "-$process" 2>/dev/null || true; done
}
{ while sleep 60 >/dev/null 2>&1; do printf '%4d s  ...\n' "$SECONDS"; done; } &
ticker=$!
trap end EXIT

if together "${#first[@]}" "${first[@]}"; then together "${LANES:-2}" "${after[@]}" || true; fi
summary
((failed == 0))

# shellcheck shell=bash
# Sourced: step "Title" COMMAND... runs a command quietly and says how long it takes.
# Its output goes to .cache/log/; the last lines are shown where it fails, and its exit code is kept.

STEPS_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# die "Sentence": what is wrong and what to do.
die() { printf 'ERROR: %s\n' "$1" >&2; exit 1; }

# writable FOLDER: makes it, or says that it cannot be written to. Several may try at once.
writable() {
  { mkdir -p "$1" && : >"$1/.writable.$$" && rm "$1/.writable.$$"; } 2>/dev/null ||
    die "Cannot write to $1: free some disk or fix its owner ($(df -Ph "$STEPS_ROOT" | awk 'END { print $4 }') free), then run this again."
}

step() {
  local title=$1 log="$STEPS_ROOT/.cache/log" start=$SECONDS ticker rc
  shift
  writable "$log"
  log=$log/$(printf '%s' "$title" | tr -cs '[:alnum:].' '-').log
  printf '==> %s\n' "$title"
  { while sleep "${STEPS_EVERY:-15}" >/dev/null 2>&1; do printf '    ... %d s\n' $((SECONDS - start)); done; } &
  ticker=$!
  # The command keeps the foreground, so Ctrl-C reaches it; its own subshell keeps errexit alive inside functions.
  set +e
  (set -e; "$@") >"$log" 2>&1
  rc=$?
  set -e
  { kill "$ticker" && wait "$ticker"; } 2>/dev/null || true
  if [ "$rc" -ne 0 ]; then
    printf '    FAILED after %d s (exit code %d): %s\n' $((SECONDS - start)) "$rc" "$title"
    tail -n 25 "$log" | sed 's/^/    | /'
    printf '    whole log: %s\n' "$log"
    return "$rc"
  fi
  printf '    done in %d s\n' $((SECONDS - start))
}

#!/usr/bin/env bash
# An engine that answers, and the images the test bench runs on, or just the given ones. A quick no-op when done.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# Parts that run at once need the same images: the second waits, then finds the work done. What stays behind, as the
# engine does, does not hold the lock.
exec 9>.cache/build.lock
flock 9
{
  molecule/bench/engine.sh
  molecule/images/build.sh "$@"
} 9>&-

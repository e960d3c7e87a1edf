#!/usr/bin/env bash
# An engine that answers, and the images the test bench runs on, or just the given ones. A quick no-op when done.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
molecule/bench/engine.sh
molecule/images/build.sh "$@"

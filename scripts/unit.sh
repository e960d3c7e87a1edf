#!/usr/bin/env bash
# Unit tests; arguments go to pytest: scripts/unit.sh -k sizes
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
exec python -m pytest "$@"

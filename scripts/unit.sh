#!/usr/bin/env bash
# Unit tests, on every core; arguments go to pytest: scripts/unit.sh -k sizes
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# A file's tests stay together: some render all their cases once.
exec python -m pytest --numprocesses auto --dist loadfile "$@"

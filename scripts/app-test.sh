#!/usr/bin/env bash
# Tests of the reference backend, in an environment of its own: .cache/app-venv, stamped like .venv.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/tls.sh
. scripts/tls.sh

venv="$PWD/.cache/app-venv"
stamp="$venv/.requirements-sha256"
want="$(cat app/requirements*.txt | sha256sum) $venv"

install() {
  rm -rf "$venv"
  uv --no-config venv --quiet --python .venv/bin/python "$venv"
  uv --no-config pip sync --quiet --python "$venv/bin/python" --require-hashes app/requirements-test.txt
  printf '%s' "$want" >"$stamp"
}

[[ -r $stamp && "$(<"$stamp")" == "$want" ]] || step "Python environment of the app's tests" install
# They run against real PostgreSQL and Redis: containers, unless both URLs are given.
if [[ -z ${TEST_DATABASE_URL:-} || -z ${TEST_REDIS_URL:-} ]]; then scripts/images.sh; fi
cd app
step "mypy --strict, app" "$venv/bin/mypy" planner
exec "$venv/bin/python" -m pytest "$@"

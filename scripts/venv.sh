#!/usr/bin/env bash
# Makes .venv exactly what requirements.lock says. A second call costs one checksum.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=.venv/.lock-sha256
# The path is part of the stamp: a venv moved or copied with the clone has dead shebangs.
want="$(sha256sum <requirements.lock) $PWD"
[[ -x .venv/bin/python && -r $stamp && "$(<"$stamp")" == "$want" ]] && exit 0

exec >&2 # `make -s plan` prints the plan and nothing else, also when it comes first

fail() {
  printf 'Python environment: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi
}

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
    if [[ -n $candidate ]] && command -v "$candidate" >/dev/null &&
      "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
      command -v "$candidate"
      return
    fi
  done
  fail "needs Python 3.11 or newer; found $(python3 --version 2>&1 || true)." \
    "Install one (Debian 12, Ubuntu 24.04 and newer have it as python3) or set PYTHON=/path/to/python."
}

# Debian ships python3 without ensurepip; its package is named after the version.
ensure_venv_module() {
  "$1" -c 'import ensurepip, venv' 2>/dev/null && return
  local package
  package="$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
  if command -v apt-get >/dev/null && { ((EUID == 0)) || sudo -n true 2>/dev/null; }; then
    echo "Installing $package (this Python cannot make virtual environments yet)"
    mkdir -p .cache/log
    { as_root apt-get update -q &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "$package"; } \
      >.cache/log/python-venv.log 2>&1 || fail "apt could not install $package; see .cache/log/python-venv.log."
  else
    fail "this Python has no venv module. Install it first: sudo apt-get install $package"
  fi
}

python="$(find_python)"
ensure_venv_module "$python"
# shellcheck source=scripts/tls.sh
. scripts/tls.sh

mkdir -p .cache
exec 9>.cache/venv.lock
flock 9 # two makes at once: the second waits, then finds the work done
[[ -r $stamp && "$(<"$stamp")" == "$want" ]] && exit 0

started=$SECONDS
echo "Python environment: installing $(grep -c '^[a-z].*==' requirements.lock) locked packages into .venv with $("$python" --version)"
# Only an environment that was once complete, here, is updated in place; interrupted or moved ones start over.
if [[ ! -r $stamp || "$(<"$stamp")" != *" $PWD" ]] || ! .venv/bin/python -c '' 2>/dev/null; then
  "$python" -m venv --clear .venv
fi
rm -f "$stamp"
# uv itself comes out of the same lock, so pip checks its hash too.
awk '/^uv==/ {on = 1; print; next} /^[^ ]/ {on = 0} on' requirements.lock >.cache/uv.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .cache/uv.txt ||
  fail "pip could not fetch uv. Behind a proxy with its own CA, set PIP_CERT=/path/to/ca-bundle.pem."
.venv/bin/uv --no-config pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock ||
  fail "uv could not install requirements.lock (see above). Behind a proxy with its own CA, set SSL_CERT_FILE."
.venv/bin/python -m compileall -q .venv/lib/python3*/site-packages/{ansible,ansiblelint,molecule} >/dev/null || true
printf '%s' "$want" >"$stamp"
echo "Python environment: ready after $((SECONDS - started)) s"

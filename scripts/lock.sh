#!/usr/bin/env bash
# Writes requirements.lock anew from pyproject.toml: newest versions within the ranges, with hashes.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=scripts/tls.sh
. scripts/tls.sh
PATH="$PWD/.venv/bin:$PATH"
# --universal: one lock for every Python >= 3.11. No index URL is written: the lock belongs to no registry.
uv --no-config pip compile --quiet --upgrade --group dev \
  --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
  --custom-compile-command "make lock" --output-file requirements.lock
if grep -nE '://' requirements.lock; then
  echo "requirements.lock names a registry host (lines above)" >&2
  exit 1
fi
grep -c '^[a-z].*==' requirements.lock | sed 's/$/ packages locked/'

#!/usr/bin/env bash
# Refuses files that must not be committed in the clear: check-secrets.sh FILE... (all tracked files by default).
set -euo pipefail
cd "$(dirname "$0")/.."

if (($# == 0)); then mapfile -t files < <(git ls-files); else files=("$@"); fi
failed=0
for file in "${files[@]}"; do
  [[ -f $file ]] || continue
  if [[ $(basename "$file") =~ ^vault\.ya?ml$ ]] && ! head -n 1 "$file" | grep -q '^.ANSIBLE_VAULT;'; then
    echo "$file: not encrypted. Run: ansible-vault encrypt $file" >&2
    failed=1
  fi
  if grep -qE -e '^-----BEGIN ([A-Z]+ )?PRIVATE KEY-----' "$file"; then
    echo "$file: holds a private key. Keep it out of the repository." >&2
    failed=1
  fi
done
exit "$failed"

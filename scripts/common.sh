#!/usr/bin/env bash
# Sourced by the other scripts: repository root, the locked tools first, caches inside the repository.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
export PATH="$PWD/.venv/bin:$PATH"
# Tools that install a copy of the collection do it here, where .gitignore and the linters know it.
export ANSIBLE_HOME="$PWD/.ansible"
mkdir -p .cache/log

# step "Title" command...: runs it, logs to .cache/log, shows elapsed time and, on failure, the log's end.
# shellcheck source=molecule/bench/steps.sh
. molecule/bench/steps.sh

# All shell scripts in the repository, tracked or new.
shell_files() {
  git ls-files --cached --others --exclude-standard | while IFS= read -r file; do
    [[ -f $file && ! -L $file ]] || continue
    if [[ $file == *.sh ]] || head -n 1 "$file" | grep -qaE '^#!.*\b(ba)?sh\b'; then printf '%s\n' "$file"; fi
  done
}

#!/usr/bin/env bash
# Prints the memory plan and nothing else. SIZE: a slug, `all` to compare sizes, empty for the inventory's.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

vars=(-e "plan_format=${FORMAT:-text}" -e "plan_file=$work/plan")
case "${SIZE:-}" in
  "") ;;
  all) vars+=(-e plan_compare=true) ;;
  *) vars+=(-e "droplet_size=$SIZE") ;;
esac

log=.cache/log/plan.log
ansible-playbook playbooks/plan.yml "${vars[@]}" >"$log" 2>&1 || {
  code=$?
  # Ansible says it twice, with a quotation of the playbook in between; once is enough.
  awk '/^\[ERROR\]/ {on = 1} /^Origin:/ {on = 0} on' "$log" >&2
  printf 'No plan. Whole log: %s\n' "$log" >&2
  exit "$code"
}
cat "$work/plan"

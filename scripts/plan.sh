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

ansible-playbook playbooks/plan.yml "${vars[@]}" >"$work/log" 2>&1 || {
  code=$?
  cat "$work/log" >&2
  exit "$code"
}
cat "$work/plan"

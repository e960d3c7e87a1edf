#!/usr/bin/env bash
# address.sh CONTAINER: the fixed address of a Droplet on the bench's network, so that it keeps it over a restart and
# names go on leading to it. Made from the container's name; where another has it, the next free one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=molecule/bench/steps.sh
. molecule/bench/steps.sh
# shellcheck source=molecule/bench/network.sh
. molecule/bench/network.sh
[ $# -eq 1 ] || die "Usage: address.sh CONTAINER"

fixed='{{slice .Name 1}} {{with (index .NetworkSettings.Networks "planner-bench").IPAMConfig}}{{.IPv4Address}}{{end}}'
# Also those that stand still; one that is removed meanwhile does not matter.
given=$(docker ps -aq --filter "network=$NETWORK" | xargs -r docker inspect -f "$fixed" 2>/dev/null || true)
own=$(awk -v name="$1" '$1 == name { print $2 }' <<<"$given")
if [ -n "$own" ]; then
  echo "$own"
  exit
fi
start=$((0x$(printf '%s' "$1" | sha256sum | cut -c1-6)))
for offset in $(seq 0 111); do
  address=10.231.0.$((16 + (start + offset) % 112))
  if ! grep -q " $address\$" <<<"$given"; then
    echo "$address"
    exit
  fi
done
die "All 112 addresses of the bench's network are taken: remove Droplets (docker ps -a --filter network=$NETWORK)."

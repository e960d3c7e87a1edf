#!/usr/bin/env bash
# The bench's image registry: registry.sh up | down. `down` keeps it while a container still uses its network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=molecule/bench/steps.sh
. molecule/bench/steps.sh
# shellcheck source=molecule/bench/network.sh
. molecule/bench/network.sh

ADDRESS=10.231.0.2
PORT=${BENCH_REGISTRY_PORT:-5001}

up() {
  make_network
  if running "$REGISTRY"; then return; fi
  # Usually there is none; one that cannot be removed fails the next line by its name.
  docker rm -f "$REGISTRY" >/dev/null 2>&1 || true
  docker run -d --name "$REGISTRY" --restart unless-stopped --network "$NETWORK" --ip "$ADDRESS" \
    --publish "127.0.0.1:$PORT:5000" --volume "$REGISTRY:/var/lib/registry" registry:2 >/dev/null ||
    die "Cannot start the bench's registry. Where port $PORT is taken, choose another: BENCH_REGISTRY_PORT=5002."
}

down() {
  local others
  others=$(others)
  if [ -n "$others" ]; then
    echo "The registry stays, these still use its network: $others"
    return
  fi
  remove "$REGISTRY"
}

case ${1:-} in
  up | down) "$1" ;;
  *) die "Usage: registry.sh up | down" ;;
esac

#!/usr/bin/env bash
# The bench's image registry and network: registry.sh up | down. `down` keeps both while a container still uses the network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=molecule/bench/steps.sh
. molecule/bench/steps.sh

NAME=planner-bench-registry NETWORK=planner-bench SUBNET=10.231.0.0/24 ADDRESS=10.231.0.2
PORT=${BENCH_REGISTRY_PORT:-5001}

up() {
  # Free addresses are given from the upper half, so the registry's own is never taken.
  docker network inspect "$NETWORK" >/dev/null 2>&1 ||
    docker network create --subnet "$SUBNET" --ip-range 10.231.0.128/25 "$NETWORK" >/dev/null 2>&1 ||
    docker network inspect "$NETWORK" >/dev/null ||
    die "Cannot create the Docker network $NETWORK: something else uses $SUBNET (see 'docker network ls' and 'ip route')."
  [ "$(docker container inspect -f '{{.State.Running}}' "$NAME" 2>/dev/null)" = true ] && return
  docker rm -f "$NAME" >/dev/null 2>&1 || true
  docker run -d --name "$NAME" --restart unless-stopped --network "$NETWORK" --ip "$ADDRESS" \
    --publish "127.0.0.1:$PORT:5000" --volume "$NAME:/var/lib/registry" registry:2 >/dev/null ||
    die "Cannot start the bench's registry. Where port $PORT is taken, choose another: BENCH_REGISTRY_PORT=5002."
}

down() {
  local others
  others=$(docker network inspect -f "{{range .Containers}}{{if ne .Name \"$NAME\"}}{{.Name}} {{end}}{{end}}" "$NETWORK" 2>/dev/null || true)
  if [ -n "$others" ]; then
    echo "The registry stays, these still use its network: $others"
    return
  fi
  docker rm -f "$NAME" >/dev/null 2>&1 || true
  docker volume rm "$NAME" >/dev/null 2>&1 || true
  docker network rm "$NETWORK" >/dev/null 2>&1 || true
}

case ${1:-} in
  up | down) "$1" ;;
  *) die "Usage: registry.sh up | down" ;;
esac

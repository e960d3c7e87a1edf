#!/usr/bin/env bash
# Who a Droplet's alerts reach: alerts.sh up CONTAINER | down CONTAINER. `up` prints its address, which it keeps over a
# restart of the engine; alerts.py says what is where. A new one knows of nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=molecule/bench/steps.sh
. molecule/bench/steps.sh
# shellcheck source=molecule/bench/network.sh
. molecule/bench/network.sh

up() {
  local address
  make_network
  docker rm -f "$1" >/dev/null 2>&1 || true # usually there is none
  address=$(molecule/bench/address.sh "$1")
  docker run -d --name "$1" --init --restart unless-stopped --network "$NETWORK" --ip "$address" --memory 128m \
    --volume "$PWD/molecule/bench:/bench:ro" python:3.13-slim python /bench/alerts.py >/dev/null ||
    die "Cannot start $1: is $address taken (docker network inspect $NETWORK)?"
  for _ in $(seq 60); do
    if docker logs "$1" 2>&1 | grep -q 'It takes alerts'; then
      echo "$address"
      return
    fi
    sleep 0.5
  done
  die "$1 did not start: $(docker logs --tail 5 "$1" 2>&1)"
}

# Whatever was left of it: also where there is none any more.
down() { docker rm -f "$1" >/dev/null 2>&1 || true; }

case ${1:-}:$# in
  up:2 | down:2) "$@" ;;
  *) die "Usage: alerts.sh up CONTAINER | down CONTAINER" ;;
esac

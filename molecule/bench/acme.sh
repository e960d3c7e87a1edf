#!/usr/bin/env bash
# The bench's DNS and its test CA, at 10.231.0.3: acme.sh up | down | name NAME ADDRESS... | forget NAME | root FILE | api-ca FILE
# `down` keeps them while a container still uses their network. `name` replaces the addresses of a name below .test or
# .localhost. `root` adds the CA's root certificate to a file: each start of the CA has another one, and what the last one
# signed is served on. `api-ca` writes what the CA's own HTTPS is verified with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=molecule/bench/steps.sh
. molecule/bench/steps.sh
# shellcheck source=molecule/bench/network.sh
. molecule/bench/network.sh

ADDRESS=10.231.0.3 IMAGE=planner-bench/acme:13
SILENT="The bench's DNS and CA do not answer: run molecule/bench/acme.sh up"

inside() { docker exec "$ACME" "$@"; }
outdated() { [ "$(docker container inspect -f '{{.Image}}' "$ACME")" != "$(docker image inspect -f '{{.Id}}' "$IMAGE")" ]; }
page() { inside curl -sf --cacert /ca/api-ca.pem "https://$ADDRESS:$1"; }

up() {
  make_network
  # One that runs knows names and accounts: it is only replaced where nobody can miss them.
  if ! running "$ACME" || { outdated && [ -z "$(others)" ]; }; then
    # Usually there is none; one that cannot be removed fails the next line by its name.
    docker rm -f "$ACME" >/dev/null 2>&1 || true
    docker run -d --name "$ACME" --restart unless-stopped --network "$NETWORK" --ip "$ADDRESS" "$IMAGE" >/dev/null ||
      die "Cannot start the bench's DNS and CA: is $ADDRESS taken (docker network inspect $NETWORK)?"
  fi
  for _ in $(seq 60); do
    if page 14000/dir && page 14001/dir && inside dig +short @127.0.0.1 planner.test; then return; fi
    sleep 0.5
  done >/dev/null 2>&1
  die "The bench's DNS and CA did not start: $(docker logs --tail 5 "$ACME" 2>&1)"
}

down() {
  local others
  others=$(others)
  if [ -n "$others" ]; then
    echo "DNS and CA stay, these still use their network: $others"
    return
  fi
  remove "$ACME"
}

# add FILE: the root, unless it is in there.
add() {
  local roots root
  roots=$(cat "$1" 2>/dev/null || true) # a first root begins the file
  root=$(page 15000/roots/0) || die "$SILENT"
  case $roots in *"$root"*) ;; *) write "$1" "${roots:+$roots$'\n'}$root" ;; esac
}

# write FILE TEXT: whole or not at all.
write() {
  mkdir -p "$(dirname "$1")"
  printf '%s\n' "$2" >"$1.new"
  mv "$1.new" "$1"
}

case ${1:-}:$# in
  up:1 | down:1) "$1" ;;
  name:[3-9]) inside names set "${@:2}" ;;
  forget:2) if running "$ACME"; then inside names forget "$2"; fi ;;
  root:2) add "$2" ;;
  api-ca:2) ca=$(inside cat /ca/api-ca.pem) || die "$SILENT" && write "$2" "$ca" ;;
  *) die "Usage: acme.sh up | down | name NAME ADDRESS... | forget NAME | root FILE | api-ca FILE" ;;
esac

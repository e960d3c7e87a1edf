# shellcheck shell=bash
# Sourced: the bench's network. Its own machines are below .16, Droplets from .16 to .127 (see address.sh); whoever asks
# for no address gets one of the upper half, so that none of those is ever taken.

NETWORK=planner-bench SUBNET=10.231.0.0/24
REGISTRY=planner-bench-registry ACME=planner-bench-acme S3=planner-bench-s3

make_network() {
  docker network inspect "$NETWORK" >/dev/null 2>&1 ||
    docker network create --subnet "$SUBNET" --ip-range 10.231.0.128/25 "$NETWORK" >/dev/null 2>&1 ||
    docker network inspect "$NETWORK" >/dev/null ||
    die "Cannot create the Docker network $NETWORK: something else uses $SUBNET (see 'docker network ls' and 'ip route')."
}

running() { [ "$(docker container inspect -f '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }

# others: the containers on the network, but for the bench's own machines. No line left is no failure of grep's.
others() {
  docker network inspect -f '{{range .Containers}}{{.Name}}{{"\n"}}{{end}}' "$NETWORK" 2>/dev/null |
    { grep -vxF -e "$REGISTRY" -e "$ACME" -e "$S3" -e "" || true; } | xargs
}

# remove CONTAINER: with its volume, and the network where it was the last. Each may be gone already, and the network
# stays while others use it.
remove() {
  docker rm -f "$1" >/dev/null 2>&1 || true
  docker volume rm "$1" >/dev/null 2>&1 || true
  docker network rm "$NETWORK" >/dev/null 2>&1 || true
}

#!/usr/bin/env bash
# The bench's off-site storage, at 10.231.0.4: S3 at http://10.231.0.4:8000, SFTP, and dead man's switches at
# http://10.231.0.4:8090/ping/ID. `down` keeps it while a container still uses its network.
#   up | down | stop | start         stop: the S3 server does not answer any more; what is stored stays
#   slow KBIT | fast                 how fast the machine's network is, in both directions
#   bucket NAME | forget NAME        a bucket and its owner, prints KEY SECRET; forget: with all that is in it
#   append-only NAME                 prints KEY SECRET of somebody who reads and adds, and deletes locks/ alone
#   full NAME | roomy NAME           nothing can be added any more, as by a quota
#   flip NAME | unflip NAME          one bit of each stored pack
#   sftp NAME <PUBLIC_KEY            an SFTP account NAME, prints its line for known_hosts and its path
#   pings ID | pings-forget ID       what was heard, one JSON object a line: time, path, body
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=molecule/bench/steps.sh
. molecule/bench/steps.sh
# shellcheck source=molecule/bench/network.sh
. molecule/bench/network.sh

ADDRESS=10.231.0.4 IMAGE=planner-bench/s3:13

inside() { docker exec "$S3" store "$@"; }
outdated() { [ "$(docker container inspect -f '{{.Image}}' "$S3")" != "$(docker image inspect -f '{{.Id}}' "$IMAGE")" ]; }
usage() { die "Usage: s3.sh VERB"$'\n'"$(sed -n '4,11s/^#  //p' molecule/bench/s3.sh)"; }

up() {
  # As the scenarios do, which may run at the same time.
  writable .cache
  flock .cache/images.lock molecule/images/build.sh "$IMAGE"
  make_network
  # One that runs has buckets: it is only replaced where nobody can miss them.
  if ! running "$S3" || { outdated && [ -z "$(others)" ]; }; then
    # Usually there is none; one that cannot be removed fails the next line by its name.
    docker rm -f -v "$S3" >/dev/null 2>&1 || true
    # NET_ADMIN: its network can be made slow.
    docker run -d --name "$S3" --restart unless-stopped --cap-add NET_ADMIN --network "$NETWORK" --ip "$ADDRESS" "$IMAGE" >/dev/null ||
      die "Cannot start the bench's off-site storage: is $ADDRESS taken (docker network inspect $NETWORK)?"
  fi
  for _ in $(seq 120); do
    # Until its cluster is made there is nothing that could be started.
    if docker exec "$S3" test -e /var/lib/ceph/made && inside start && inside fast; then return; fi
    sleep 0.5
  done >/dev/null 2>&1
  die "The bench's off-site storage did not start: $(docker logs --tail 5 "$S3" 2>&1)"
}

down() {
  local others
  others=$(others)
  if [ -n "$others" ]; then
    echo "The off-site storage stays, these still use its network: $others"
    return
  fi
  remove "$S3"
}

case ${1:-}:$# in
  up:1 | down:1) "$1" ;;
  forget:2) if running "$S3"; then inside "$@"; fi ;;
  sftp:2) docker exec -i "$S3" store "$@" ;;
  stop:1 | start:1 | fast:1) inside "$@" ;;
  slow:2 | bucket:2 | append-only:2 | full:2 | roomy:2 | flip:2 | unflip:2 | pings:2 | pings-forget:2) inside "$@" ;;
  *) usage ;;
esac

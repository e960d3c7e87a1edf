#!/usr/bin/env bash
# push-image.sh LOCAL_IMAGE REPOSITORY[:TAG]: puts an image into the bench's registry and prints the reference by
# digest under which a Droplet pulls it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=molecule/bench/steps.sh
. molecule/bench/steps.sh
[ $# -eq 2 ] || die "Usage: push-image.sh LOCAL_IMAGE REPOSITORY[:TAG]"

# One at a time, whoever asks: the name that an image has meanwhile is the same for all.
exec 9>"${TMPDIR:-/tmp}/planner-bench-push-$UID.lock"
flock 9
molecule/bench/registry.sh up 9>&-
target=127.0.0.1:$(docker port planner-bench-registry 5000 | sed -n 's/.*://p;q')/$2
docker tag "$1" "$target" || die "There is no image $1 here: build it first."
log=$(docker push "$target" 2>&1) || die "Cannot push $1 to the bench's registry: $(tail -n 1 <<<"$log")"
docker rmi "$target" >/dev/null
digest=$(sed -n 's/.*digest: \(sha256:[0-9a-f]*\).*/\1/p' <<<"$log")
printf '10.231.0.2:5000/%s@%s\n' "${2%%:*}" "$digest"

#!/usr/bin/env bash
# Makes every image the bench needs and fills the bench's registry with them. The second run only compares hashes.
# An upstream name is taken as it is where present, pulled where a registry answers, and otherwise made as a
# stand-in from Debian packages. BENCH_STANDINS=1 makes the stand-ins even where a registry answers.
# build.sh IMAGE...: instead of those that every scenario needs, one that few need.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=molecule/bench/steps.sh
. molecule/bench/steps.sh
# shellcheck source=molecule/images/host.sh
. molecule/images/host.sh
# shellcheck source=molecule/images/debian.sh
. molecule/images/debian.sh

DEBIAN=debian:13
# Upstream name, and the folder of its stand-in's recipe.
UPSTREAM=(nginx:1.28-alpine=nginx pgvector/pgvector:pg17=pgvector redis:7-alpine=redis python:3.13-slim=python registry:2=registry)
# Our own, made on every machine: image, and what it is called meanwhile.
OWN=("planner-bench/droplet:13=the simulated Droplet's image" "planner-bench/acme:13=the image of the bench's DNS and CA")
[ $# -eq 0 ] || UPSTREAM=() OWN=()
for image in "$@"; do
  case $image in
    pgvector/pgvector:pg18) UPSTREAM+=("$image=pgvector18") ;;
    planner-bench/s3:13) OWN+=("$image=the image of the bench's off-site storage") ;;
    *) die "There is no recipe for the image $image: see molecule/images/build.sh." ;;
  esac
done

label() { docker image inspect -f "{{index .Config.Labels \"planner-bench.$2\"}}" "$1" 2>/dev/null || true; }
present() { docker image inspect -f . "$1" >/dev/null 2>&1; }

# recipe FOLDER...: a hash of all that an image is made from, besides its base.
recipe() { (cd molecule/images && { find -L "$@" -type f -print0; find "$HOST_DIR/host" -type f -print0; } | sort -z | xargs -0 cat | sha256sum | cut -c1-16); }
recipe_on() { printf '%s %s' "$(docker image inspect -f '{{.Id}}' "$1")" "$(recipe "$2")" | sha256sum | cut -c1-16; }

# Asked once, and not again after the first pull that fails.
registry_answers() {
  if [ -z "${REACHABLE:-}" ]; then
    REACHABLE=no
    if [ -n "${BENCH_STANDINS:-}" ]; then :
    elif [ -n "$(docker info -f '{{range .RegistryConfig.Mirrors}}{{.}}{{end}}{{.HTTPSProxy}}' 2>/dev/null)" ]; then REACHABLE=yes
    elif timeout 5 bash -c '</dev/tcp/registry-1.docker.io/443' 2>/dev/null; then REACHABLE=yes
    fi
  fi
  [ "$REACHABLE" = yes ]
}

pull() {
  registry_answers || return 1
  if step "Pull $1" timeout 180 docker pull --quiet "$1"; then return; fi
  REACHABLE=no
  echo "    no image registry: making stand-ins from Debian packages instead"
  return 1
}

# current IMAGE RECIPE: is it the real image, or the stand-in of this very recipe?
current() { present "$1" && case $(label "$1" standin) in "" | "$2") ;; *) return 1 ;; esac; }

# build_image IMAGE FOLDER LABEL RECIPE: host network, so that a proxy or a mirror on this machine's loopback works;
# the legacy builder, because it needs no plugin and sees the images that are already here.
build_image() {
  local proxy args=() old
  old=$(docker image inspect -f '{{.Id}}' "$1" 2>/dev/null || true)
  for proxy in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [ -z "${!proxy:-}" ] || args+=(--build-arg "$proxy")
  done
  tar -ch -C "molecule/images/$2" . -C "$HOST_DIR" host |
    DOCKER_BUILDKIT=0 docker build --network host --force-rm "${args[@]}" --label "planner-bench.$3=$4" --tag "$1" -
  # The image it replaces, unless a container still needs it.
  case $(docker image inspect -f '{{.Id}}' "$1") in "$old") ;; *) [ -z "$old" ] || docker rmi "$old" || true ;; esac
}

need_debootstrap() {
  PATH=$PATH:/usr/sbin
  command -v debootstrap >/dev/null && return
  command -v apt-get >/dev/null || die "No image registry answers and this machine has no apt: connect it to a registry, or run this on Debian or Ubuntu."
  step "Install debootstrap" as_root sh -c 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends debootstrap debian-archive-keyring'
}

host_files

wanted=$(recipe debian.sh)
if ! current "$DEBIAN" "$wanted" && ! pull "$DEBIAN"; then
  [ "$EUID" -eq 0 ] || sudo -n true 2>/dev/null || die "The stand-in of $DEBIAN is made with debootstrap, which needs root: run 'sudo -v' first."
  need_debootstrap
  step "Make $DEBIAN from the Debian mirror" debian_standin "$wanted"
fi

for entry in "${UPSTREAM[@]}"; do
  image=${entry%=*} folder=${entry##*=}
  wanted=$(recipe_on "$DEBIAN" "$folder")
  current "$image" "$wanted" || pull "$image" || step "Make a stand-in of $image" build_image "$image" "$folder" standin "$wanted"
done

for entry in "${OWN[@]}"; do
  image=${entry%%=*} folder=${entry#*/} folder=${folder%%:*}
  wanted=$(recipe_on "$DEBIAN" "$folder")
  [ "$(label "$image" recipe)" = "$wanted" ] || step "Make ${entry#*=}" build_image "$image" "$folder" recipe "$wanted"
done

fill_registry() {
  local entry image
  for entry in "${UPSTREAM[@]}"; do
    image=${entry%=*}
    case $image in
      registry:*) ;;
      */*) molecule/bench/push-image.sh "$image" "$image" ;;
      *) molecule/bench/push-image.sh "$image" "library/$image" ;;
    esac
  done
}
[ "${#UPSTREAM[@]}" -eq 0 ] || step "Fill the bench's registry" fill_registry
printf 'Images ready in %d s: %s\n' "$SECONDS" "$(printf '%s, ' "${OWN[@]%%=*}" "${UPSTREAM[@]%=*}" | sed 's/, $//')"

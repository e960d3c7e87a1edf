# shellcheck shell=bash
# Sourced: the stand-in of debian:13, made where no image registry answers.

as_root() { if [ "$EUID" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }

# The smallest Debian 13, straight from the mirror; cleans up after itself also when interrupted.
debian_standin() {
  local root
  root=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "as_root umount '$root/proc' '$root/sys' 2>/dev/null || true; as_root rm -rf --one-file-system '$root'" EXIT
  trap 'exit 130' INT TERM
  as_root debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$MIRROR" /usr/share/debootstrap/scripts/sid
  as_root cp -r "$HOST_DIR/host" "$root/tmp/host"
  as_root chroot "$root" /bin/sh /tmp/host/apply
  as_root sh -c "cd '$root' && rm -rf tmp/* var/lib/apt/lists/* var/cache/apt/* var/log/* debootstrap && echo force-unsafe-io >etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
  # apt's binary caches are 95 MB an image.
  as_root sh -c "printf 'Dir::Cache::pkgcache \"\";\nDir::Cache::srcpkgcache \"\";\n' >'$root/etc/apt/apt.conf.d/docker-clean'"
  as_root tar -c --one-file-system -C "$root" . |
    docker import -c 'CMD ["bash"]' -c "LABEL planner-bench.standin=$1" - "$DEBIAN"
}

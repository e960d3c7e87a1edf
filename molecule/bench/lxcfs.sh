#!/usr/bin/env bash
# Optional: installs and starts lxcfs, so that Droplets made afterwards with BENCH_LXCFS=1 see their own memory
# (1 GiB) in /proc/meminfo instead of this machine's. Do not stop it while such a Droplet runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=molecule/bench/steps.sh
. molecule/bench/steps.sh

FOLDER=/var/lib/lxcfs
as_root() { if [ "$EUID" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }
answers() { grep -qs MemTotal "$FOLDER/proc/meminfo"; }

install_lxcfs() {
  as_root apt-get update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends lxcfs
}

start_lxcfs() {
  if [ -d /run/systemd/system ]; then
    as_root systemctl enable --now lxcfs.service
  else
    # A daemon that died leaves its mount behind.
    as_root umount -l "$FOLDER" 2>/dev/null || true
    as_root mkdir -p "$FOLDER"
    as_root setsid --fork nohup lxcfs "$FOLDER" </dev/null >.cache/log/lxcfs.log 2>&1
  fi
  for _ in $(seq 10); do
    if answers; then return; fi
    sleep 1
  done
  echo "lxcfs does not answer: is there a /dev/fuse on this machine?"
  return 1
}

answers && exit
[ -e /dev/fuse ] || die "lxcfs needs /dev/fuse, which this machine does not have: leave BENCH_LXCFS unset."
command -v lxcfs >/dev/null || step "Install lxcfs" install_lxcfs
step "Start lxcfs" start_lxcfs

#!/usr/bin/env bash
# Makes sure a Docker engine answers: nothing to do where one does, else the distribution's is installed and started.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=molecule/bench/steps.sh
. molecule/bench/steps.sh

answers() { timeout 20 docker info >/dev/null 2>&1; }
as_root() { if [ "$EUID" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }

install_engine() {
  local packages=(docker.io iptables ca-certificates)
  as_root apt-get update
  # From Debian 13 on the command line is a package of its own.
  [ -z "$(apt-cache search --names-only '^docker-cli$')" ] || packages+=(docker-cli)
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"
}

start_engine() {
  if [ -d /run/systemd/system ]; then
    as_root systemctl enable --now docker.service
  else
    # No systemd: in the background, detached from this shell; control groups must be mounted first.
    mountpoint -q /sys/fs/cgroup || as_root mount -t cgroup2 cgroup2 /sys/fs/cgroup
    : >.cache/log/dockerd.log
    as_root setsid --fork nohup sh -c 'dockerd; echo "dockerd ended"' </dev/null >.cache/log/dockerd.log 2>&1
  fi
  for _ in $(seq 60); do
    if as_root timeout 20 docker info >/dev/null 2>&1; then return; fi
    if grep -qs '^dockerd ended' .cache/log/dockerd.log; then break; fi
    sleep 1
  done
  echo "The engine does not answer. Its last lines:"
  if [ -d /run/systemd/system ]; then as_root journalctl -u docker.service -n 15 --no-pager; else tail -n 15 .cache/log/dockerd.log; fi
  return 1
}

answers && exit
[ -z "${DOCKER_HOST:-}" ] || die "No Docker engine answers at DOCKER_HOST=$DOCKER_HOST: start it, or unset DOCKER_HOST to use this machine's own."
not_allowed="The Docker engine runs, but $(id -un) may not use it: run 'sudo usermod -aG docker $(id -un)', log out and in, then run this again."
if [ "$EUID" -ne 0 ] && ! sudo -n true 2>/dev/null && [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then die "$not_allowed"; fi
if [ "$EUID" -ne 0 ] && ! sudo -n true 2>/dev/null; then
  die "No Docker engine answers, and starting one needs root: run 'sudo -v' first (or install Docker yourself), then run this again."
fi
if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
  case $(. /etc/os-release && echo "$ID ${ID_LIKE:-}") in
    *debian* | *ubuntu*) step "Install the distribution's Docker engine" install_engine ;;
    *) die "No Docker engine answers, and only Debian's and Ubuntu's can be installed here: install Docker (https://docs.docker.com/engine/install/), then run this again." ;;
  esac
fi
as_root timeout 20 docker info >/dev/null 2>&1 || step "Start the Docker engine" start_engine ||
  die "The Docker engine could not be started here (its last lines are above): use a machine or VM where it may run, or point DOCKER_HOST at one."
answers || die "$not_allowed"

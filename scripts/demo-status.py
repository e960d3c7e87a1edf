#!/usr/bin/env python3
"""Show what runs on the demo Droplet: one page, 80 columns, one ssh call."""

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.https_place import ROOT, Place, demo

WIDTH = 80
BAR = 20

# Everything the page needs in one go; each section starts with a line of its own.
REMOTE = r"""
echo '== now'; date +%s
echo '== meminfo'; cat /proc/meminfo
# The group that init lives in has the limit of a simulated Droplet; on a real one it has none.
echo '== cgroup'
own=$(awk -F: '$2 ~ /memory/ || $1 == 0 {print $3; exit}' /proc/1/cgroup); own=${own%/init.scope}
d=/sys/fs/cgroup/memory$own; [ -d "$d" ] || d=/sys/fs/cgroup$own
cat "$d/memory.limit_in_bytes" "$d/memory.usage_in_bytes" 2>/dev/null ||
  cat "$d/memory.max" "$d/memory.current" 2>/dev/null
awk '/^(total_)?inactive_file /{v=$2} END{print v}' "$d/memory.stat"
ids=$(docker ps --all --quiet)
echo '== inspect'; [ -z "$ids" ] || docker inspect $ids
echo '== stats'; docker stats --no-stream --no-trunc --format '{{json .}}'
"""

# Whoever the inventory names for the first day, site.yml let this account in and root no more.
ADMIN = "deploy"
CONNECTION = (
    "ansible_host",
    "ansible_port",
    "ansible_ssh_private_key_file",
    "ansible_ssh_common_args",
)


class DownError(Exception):
    """The demo Droplet does not answer."""


@dataclass(frozen=True)
class Service:
    """One container; memory in MiB, 0 = unknown or unlimited."""

    name: str
    state: str
    health: str
    used_mb: float
    limit_mb: float
    restarts: int


@dataclass(frozen=True)
class Status:
    """All that the page shows."""

    title: str
    version: str
    url: str
    ssh: str
    up_seconds: float
    used_mb: float
    total_mb: float
    services: tuple[Service, ...]


def megabytes(text: str) -> float:
    """Read docker's sizes: 45.2MiB, 1.1GiB, 900KiB, 12B."""
    for unit, factor in (("GiB", 1024.0), ("MiB", 1.0), ("KiB", 1 / 1024), ("B", 1 / 2**20)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return 0.0


def sections(output: str) -> dict[str, str]:
    """Split what the remote script printed at its `== name` lines."""
    found: dict[str, str] = {}
    name = ""
    for line in output.splitlines():
        if line.startswith("== "):
            name = line[3:]
            found[name] = ""
        else:
            found[name] = found.get(name, "") + line + "\n"
    return found


def memory(meminfo: str, cgroup: str) -> tuple[float, float]:
    """Used and total MiB: the machine's, or its container's limit where that is smaller."""
    kib = {line.split(":")[0]: int(line.split()[1]) for line in meminfo.splitlines() if ":" in line}
    total = kib.get("MemTotal", 0) / 1024
    used = total - kib.get("MemAvailable", 0) / 1024
    numbers = [int(word) for word in cgroup.split() if word.isdigit()]
    if len(numbers) == 3 and numbers[0] / 2**20 < total:
        # Page cache that nobody uses is given back first, so it is not "used".
        return (numbers[1] - numbers[2]) / 2**20, numbers[0] / 2**20
    return used, total


def parse(output: str, *, title: str, version: str, url: str, ssh: str) -> Status:
    part = sections(output)
    stats = {
        item["ID"]: megabytes(item["MemUsage"].split(" / ")[0])
        for item in map(json.loads, part.get("stats", "").splitlines())
    }
    services: list[Service] = []
    started: list[float] = []
    for box in json.loads(part.get("inspect", "").strip() or "[]"):
        state = box["State"]
        labels = box["Config"].get("Labels") or {}
        name = labels.get("com.docker.compose.service") or box["Name"].lstrip("/")
        services.append(
            Service(
                name=name,
                state=state["Status"],
                health=(state.get("Health") or {}).get("Status", "-"),
                used_mb=stats.get(box["Id"], 0.0),
                limit_mb=box["HostConfig"]["Memory"] / 2**20,
                restarts=box["RestartCount"],
            )
        )
        if state["Status"] == "running":
            started.append(datetime.fromisoformat(state["StartedAt"][:19] + "+00:00").timestamp())
    now = float(part.get("now", "0").strip() or 0)
    used, total = memory(part.get("meminfo", ""), part.get("cgroup", ""))
    return Status(
        title=title,
        version=version,
        url=url,
        ssh=ssh,
        up_seconds=max(0.0, now - min(started)) if started else 0.0,
        used_mb=used,
        total_mb=total,
        services=tuple(sorted(services, key=lambda service: service.name)),
    )


def duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def render(status: Status, *, color: bool) -> str:
    """Draw the page. Pure: the same status gives the same text."""

    def paint(code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if color else text

    def mood(word: str) -> str:
        if word in {"running", "healthy"}:
            return "32"
        return "33" if word in {"starting", "restarting", "-", "created"} else "31"

    def bar(used: float, limit: float) -> str:
        if not limit:
            return f"{'no limit':<{BAR}} {used:>5.0f} MiB      "
        share = used / limit
        full = min(BAR, round(share * BAR))
        code = "32" if share < 0.8 else "33" if share < 0.95 else "31"
        drawn = paint(code, "█" * full) + paint("2", "░" * (BAR - full))
        return f"{drawn} {used:>5.0f} of {limit:>4.0f} MiB"

    left = f"{status.title} {status.version}"
    right = f"up {duration(status.up_seconds)}" if status.up_seconds else ""
    lines = [
        "",
        paint("1", left) + right.rjust(WIDTH - len(left)),
        paint("4", status.url),
        "",
        paint("2", f"{'service':<12}{'state':<11}{'health':<11}{'memory':<38}restarts"),
    ]
    for one in status.services:
        state = paint(mood(one.state), f"{one.state[:10]:<11}")
        health = paint(mood(one.health), f"{one.health[:10]:<11}")
        drawn = bar(one.used_mb, one.limit_mb)
        lines.append(f"{one.name[:11]:<12}{state}{health}{drawn}  {one.restarts:>6}")
    if not status.services:
        lines.append("no containers: run make demo")
    lines += [
        paint("2", "─" * WIDTH),
        f"{'Droplet':<34}{bar(status.used_mb, status.total_mb)}",
        "",
        "Next:",
        f"  {'make demo-release':<55}release while it serves",
        f"  {'make demo-release-broken':<55}a broken one",
        f"  {status.ssh:<55}look around",
        f"  {'make demo-down':<55}remove it all",
        "",
    ]
    return "\n".join(line.rstrip() for line in lines)


def inventory_host() -> dict[str, str]:
    """Let Ansible itself say how it reaches the demo: the inventory's values are templates."""
    wanted = {key: f"{{{{ {key} | default('') }}}}" for key in CONNECTION}
    ask = [str(ROOT / ".venv/bin/ansible"), "droplets", "-i", "inventory/demo"]
    said = subprocess.run(
        [*ask, "-m", "ansible.builtin.debug", "-a", json.dumps({"msg": wanted})],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        msg = json.loads(said.stdout.partition(" => ")[2])["msg"]
    except (ValueError, KeyError) as error:
        raise DownError("inventory/demo names no host") from error
    return {key: str(value) for key, value in msg.items()}


def ssh_command(host: dict[str, str]) -> list[str]:
    """Build what Ansible itself would call, so that both see the same Droplet."""
    command = ["ssh", *shlex.split(host["ansible_ssh_common_args"])]
    command += ["-p", host["ansible_port"] or "22"]
    if key := host["ansible_ssh_private_key_file"]:
        command += ["-i", os.path.relpath(key, ROOT)]
    return [*command, f"{ADMIN}@{host['ansible_host']}"]


def without_options(ssh: list[str]) -> str:
    """Shorten the command to what a person types."""
    pairs = zip(ssh, ["", *ssh], strict=False)
    return shlex.join(word for word, before in pairs if word != "-o" and before != "-o")


def gather(ssh: list[str]) -> str:
    """Ask the Droplet, in one call."""
    quiet = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR"]
    try:
        done = subprocess.run(
            [ssh[0], *quiet, *ssh[1:], "sudo -n sh -s"],
            input=REMOTE,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=ROOT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DownError("it did not answer within 60 s") from error
    if "== stats" not in done.stdout:
        raise DownError((done.stderr.strip() or "no answer").splitlines()[-1])
    return done.stdout


def product(place: Place) -> tuple[str, str]:
    """Name and version as the product itself says them."""
    try:
        said = json.loads(place.get("/", timeout_s=5))
        return str(said["name"]), str(said["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return "Business Planner", "(not answering)"


def main() -> int:
    place = demo()
    try:
        ssh = ssh_command(inventory_host())
        output = gather(ssh)
    except DownError as error:
        print(f"The demo Droplet is not reachable ({error}). Start it: make demo", file=sys.stderr)
        return 1
    title, version = product(place)
    status = parse(
        output, title=title, version=version, url=f"{place.url}/", ssh=without_options(ssh)
    )
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print(render(status, color=color))
    return 0


if __name__ == "__main__":
    sys.exit(main())

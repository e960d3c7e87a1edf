#!/usr/bin/env python3
"""Time the first and the second run of site.yml on a fresh demo Droplet against plain pings, then releases, backups.

A ping is the cheapest remote task there is; seconds per task against it say how much the tasks
themselves cost, whatever machine this runs on. Results also go to .cache/bench/latest.json.
"""

import importlib
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / ".cache/bench"


@dataclass(frozen=True)
class Run:
    """One run of site.yml and the pings right after it."""

    name: str
    wall_seconds: float
    changed: int
    remote_tasks: int
    remote_seconds: float
    ping_seconds: float

    @property
    def seconds_per_task(self) -> float:
        return self.remote_seconds / self.remote_tasks if self.remote_tasks else 0.0

    @property
    def seconds_per_ping(self) -> float:
        return self.ping_seconds / self.remote_tasks if self.remote_tasks else 0.0

    @property
    def ratio(self) -> float:
        return self.seconds_per_task / self.seconds_per_ping if self.seconds_per_ping else 0.0


def remote(tasks: list[dict[str, Any]]) -> tuple[int, float]:
    """Count the remote executions and add up the seconds of the tasks that made them."""
    counted = [task for task in tasks if task["executions"]]
    return sum(task["executions"] for task in counted), sum(task["seconds"] for task in counted)


def table(runs: list[Run]) -> str:
    head = (
        f"{'run':<16}{'wall s':>8}{'changed':>9}{'remote':>8}{'s/task':>8}{'s/ping':>8}{'ratio':>7}"
    )
    lines = [
        f"{run.name:<16}{run.wall_seconds:>8.1f}{run.changed:>9}{run.remote_tasks:>8}"
        f"{run.seconds_per_task:>8.2f}{run.seconds_per_ping:>8.2f}{run.ratio:>7.1f}"
        for run in runs
    ]
    return "\n".join([head, *lines])


def slowest(tasks: list[dict[str, Any]], count: int = 5) -> str:
    top = sorted(tasks, key=lambda task: -task["seconds"])[:count]
    return "\n".join(f"{task['seconds']:>8.1f} s  {task['name']}" for task in top)


def play(name: str, *arguments: str) -> tuple[float, list[dict[str, Any]]]:
    """Run ansible-playbook on the demo; return its wall time and its tasks."""
    times, log = OUT / f"{name}.json", OUT / f"{name}.log"
    times.unlink(missing_ok=True)
    environment = os.environ | {
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        "ANSIBLE_HOME": str(ROOT / ".ansible"),
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "scripts/callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "task_times",
        "TASK_TIMES_FILE": str(times),
    }
    print(f"==> {name}", flush=True)
    started = time.monotonic()
    with log.open("wb") as stream:
        code = subprocess.run(
            ["ansible-playbook", "-i", "inventory/demo", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    wall = time.monotonic() - started
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        sys.exit(f"{tail}\n{name} failed with exit code {code}. Log: {log}")
    print(f"    {wall:.1f} s", flush=True)
    return wall, json.loads(times.read_text())


def pings(count: int) -> float:
    """Seconds that the given number of ping tasks take on the same host, fact gathering aside."""
    tasks = [{"name": f"Ping {number}", "ansible.builtin.ping": {}} for number in range(count)]
    playbook = OUT / "ping.yml"
    # JSON is YAML; the first ping opens the connection, as fact gathering does for site.yml.
    opening = {"name": "Open the connection", "ansible.builtin.ping": {}}
    # By then root is not let in any more.
    who = {"ansible_user": "deploy"}
    play_of_pings = {"hosts": "droplets", "gather_facts": False, "vars": who}
    playbook.write_text(json.dumps([play_of_pings | {"tasks": [opening, *tasks]}]))
    _, done = play("ping", str(playbook))
    return float(sum(task["seconds"] for task in done[1:]))


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    demo = ROOT / "scripts/demo.sh"
    subprocess.run([ROOT / "scripts/demo-down.sh"], check=True)
    reference = OUT / "image-reference"
    subprocess.run([demo, "--bare", reference], check=True)
    image = f"droplet_image={reference.read_text().strip()}"
    runs: list[Run] = []
    for name in ("first converge", "second run"):
        wall, tasks = play(name.replace(" ", "-"), "playbooks/site.yml", "-e", image)
        count, seconds = remote(tasks)
        changed = sum(task["changed"] for task in tasks)
        runs.append(Run(name, wall, changed, count, seconds, pings(count)))
        print(slowest(tasks), flush=True)

    def push_next() -> str:
        script = ". scripts/demo-common.sh && build_app 1.0.1 >&2 && push_app 1.0.1"
        return subprocess.check_output(["bash", "-c", script], cwd=ROOT, text=True).strip()

    # Beside this file: found where this one runs as a script.
    bench_release = importlib.import_module("bench_release")
    released = bench_release.events(play, push_next())
    bench_backup = importlib.import_module("bench_backup")
    backed_up = bench_backup.steps(play, push_next)
    report = [asdict(run) | {"ratio": round(run.ratio, 2)} for run in runs]
    whole = {
        "runs": report,
        "releases": [asdict(one) for one in released],
        "backups": [asdict(one) for one in backed_up],
    }
    (OUT / "latest.json").write_text(json.dumps(whole, indent=1), encoding="utf-8")
    print(f"\n{table(runs)}\n\ns/task and s/ping: seconds a remote task and a plain ping take.")
    print(f"\n{bench_release.table(released)}\n\n{bench_backup.table(backed_up)}")
    return int(any(one.failed for one in released))


if __name__ == "__main__":
    sys.exit(main())

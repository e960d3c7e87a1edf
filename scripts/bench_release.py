"""Release, way back and a change of nginx' configuration on the demo, under constant load of 1000 requests each.

Part of `make bench`. A request's slowest answer is compared with the slowest of the same load while nothing happens.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.https_place import ROOT, demo

AT_LEAST = 1000
SECRET = "demo-webhook-secret"  # noqa: S105 - of the demo's inventory
Play = Callable[..., tuple[float, object]]


@dataclass(frozen=True)
class Event:
    """What happened under load."""

    name: str
    sent: int
    failed: int
    slowest_s: float
    wall_s: float
    release_s: float
    gap_s: float


def last_release() -> dict[str, float]:
    """Read the demo's newest record."""
    command = ["docker", "exec", "planner-demo", "tail", "-n1", "/opt/planner/releases.jsonl"]
    record: dict[str, float] = json.loads(subprocess.check_output(command))
    return record


def under_load(name: str, act: Callable[[], object], *, releases: bool) -> Event:
    """Do something while requests come in; go on asking until there were enough."""
    place = demo()
    command = [
        sys.executable,
        str(ROOT / "molecule/load.py"),
        f"https://{place.address}:{place.port}",
    ]
    command += [SECRET, "300", str(AT_LEAST), f"{place.name}:{place.cafile}"]
    print(f"==> {name}, under load", flush=True)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as load:
        time.sleep(1)
        started = time.monotonic()
        act()
        wall = time.monotonic() - started
        counts = json.loads(load.communicate()[0])
    record = last_release() if releases else {"seconds": 0.0, "gap_s": 0.0}
    if counts["failed"]:
        print("\n".join(counts["failures"]))
    return Event(
        name,
        counts["sent"],
        counts["failed"],
        counts["slowest_s"],
        wall,
        record["seconds"],
        record["gap_s"],
    )


def events(play: Play, next_image: str) -> list[Event]:
    """Measure all of them, the quiet one first."""
    image = ("-e", f"droplet_image={next_image}")
    return [
        under_load("nothing", lambda: None, releases=False),
        under_load(
            "release", lambda: play("deploy", "playbooks/deploy.yml", *image), releases=True
        ),
        under_load("rollback", lambda: play("rollback", "playbooks/rollback.yml"), releases=True),
        under_load(
            "nginx config",
            lambda: play("nginx", "playbooks/site.yml", "-e", "stack_max_body_mb=2"),
            releases=False,
        ),
    ]


def table(found: Sequence[Event]) -> str:
    """Show them, each slowest answer as a multiple of the quiet one's."""
    quiet = max(found[0].slowest_s, 0.01)
    head = (
        f"{'under load':<14}{'requests':>9}{'failed':>8}{'slowest s':>11}{'x quiet':>9}"
        f"{'wall s':>8}{'release s':>11}{'gap s':>7}"
    )
    rows = [
        f"{one.name:<14}{one.sent:>9}{one.failed:>8}{one.slowest_s:>11.2f}{one.slowest_s / quiet:>9.1f}"
        f"{one.wall_s:>8.1f}{one.release_s:>11.1f}{one.gap_s:>7.1f}"
        for one in found
    ]
    return "\n".join([head, *rows])
